// Speech: the browser's own voice and ears, where it has them. Both are off until switched on.

import { setting } from "./settings.js";

const Recognition = window["SpeechRecognition"] ?? window["webkitSpeechRecognition"];

const TROUBLES = {
  "audio-capture": "there is no microphone",
  "not-allowed": "the page may not use the microphone",
  "service-not-allowed": "the page may not use the microphone",
  network: "it cannot reach the service that turns speech into text",
  "language-not-supported": "it does not know the language of this browser",
};

export const canReadAloud = "speechSynthesis" in window;
export const canListen = Recognition !== undefined;

/** Read a text aloud, if that is switched on. It takes about as long as the prompt. */
export function readAloud(text) {
  if (!canReadAloud || !setting("readAloud")) return;
  speechSynthesis.speak(new SpeechSynthesisUtterance(text));
}

/** Stop reading. */
export function beQuiet() {
  if (canReadAloud) speechSynthesis.cancel();
}

/**
 * Listen to the microphone until somebody has said one thing.
 *
 * @param {{heard: (text: string, final: boolean) => void, ended: (trouble: string) => void}} to
 * @returns {() => void} stops listening
 */
export function listen(to) {
  const recognition = new Recognition();
  recognition.lang = navigator.language;
  recognition.interimResults = true;
  let trouble = "";
  recognition.onresult = (event) => {
    const result = event.results[event.results.length - 1];
    to.heard(result[0].transcript, result.isFinal);
  };
  recognition.onerror = (event) => {
    if (event.error !== "no-speech" && event.error !== "aborted") {
      trouble = `The browser does not listen: ${TROUBLES[event.error] ?? event.error}.`;
    }
  };
  recognition.onend = () => to.ended(trouble);
  recognition.start();
  return () => recognition.stop();
}
