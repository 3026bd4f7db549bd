// "Save as a rehearsal": what was just done, as a test that does it again.

import { h, icon, setText, show } from "./dom.js";
import { ask } from "./lab.js";

let dialog = null;

/** Open the dialog. Without a call, everything that the lab remembers is saved. @param {any} call */
export function saveAsRehearsal(call) {
  dialog ??= build();
  dialog.open(call);
}

function build() {
  const about = h("p", { class: "hint" });
  const client = h("input", { type: "text", placeholder: "app:client", autocomplete: "off", spellcheck: "false", "aria-describedby": "rehearsal-client" });
  const threads = h("input", { type: "checkbox" });
  const source = h("pre", { class: "tl-source", tabindex: 0, role: "group", "aria-label": "The test" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const copy = h("button", { type: "button", class: "button" }, icon("copy"), h("span", { text: "Copy" }));
  const download = h("a", { class: "button primary", text: "Download" });
  const element = h(
    "dialog",
    { class: "dialog tl-rehearsal", "aria-labelledby": "rehearsal-title" },
    h("h2", { id: "rehearsal-title", text: "Save as a rehearsal" }),
    about,
    h("label", { class: "field" }, h("span", { text: "Where your program is" }), client),
    h("p", { class: "hint", id: "rehearsal-client", text: "The module and the name of its RelayClient, as Python imports them. Without it, there is a line in the test to complete." }),
    h("label", { class: "tl-check" }, threads, h("span", { text: "It is on threads: relay_sync" })),
    trouble,
    source,
    h("form", { method: "dialog", class: "dialog-row" }, copy, download, h("button", { class: "button", text: "Close" })),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  let saved = "";
  let call = null;
  let asked = 0;

  async function load() {
    const query = new URLSearchParams();
    if (call) query.set("call", call.id);
    if (client.value.trim()) query.set("client", client.value.trim());
    if (threads.checked) query.set("threads", "true");
    const turn = ++asked;
    // What was saved before is not what is asked for now.
    for (const one of [copy, download]) show(one, false);
    try {
      const answer = await ask("GET", `/api/rehearsal?${query}`);
      if (turn !== asked) return;
      saved = answer.source;
      setText(source, saved);
      show(trouble, false);
      URL.revokeObjectURL(download.href);
      download.href = URL.createObjectURL(new Blob([saved], { type: "text/x-python" }));
      download.download = `${answer.name}.py`;
    } catch (error) {
      if (turn !== asked) return;
      setText(trouble, error.message);
      show(trouble, true);
    }
    show(source, trouble.hidden);
    show(copy, trouble.hidden);
    show(download, trouble.hidden);
  }

  client.addEventListener("input", load);
  threads.addEventListener("change", load);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(saved);
      setText(copy.lastChild, "Copied");
    } catch {
      setText(copy.lastChild, "The browser does not allow it");
    }
  });
  return {
    open(wanted) {
      call = wanted;
      setText(about, call ? "This call, as a test for pytest. The same people take the same steps, in no time and without a network." : "Everything that the lab remembers, as a test for pytest. The same people take the same steps, in no time and without a network.");
      setText(copy.lastChild, "Copy");
      show(source, false);
      element.showModal();
      load();
    },
  };
}
