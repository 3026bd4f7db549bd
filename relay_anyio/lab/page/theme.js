// Set the chosen theme before the page is drawn, so that it does not flash.
"use strict";
try {
  const theme = localStorage.getItem("lab.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the page follows the system.
}
