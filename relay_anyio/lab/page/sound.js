// Sound: a quiet ring, made here. Browsers allow it after the first click or key on the page.

import { onChange, setting } from "./settings.js";

const VOLUME = 0.05;
const TONES = [440, 480];
const PERIOD = 3000;
const RING = 1.1;

let context = null;
let timer = 0;

/** Ring while `wanted`, if the sound is on. */
export function ring(wanted) {
  const sounding = wanted && setting("sound");
  if (sounding && !timer) {
    once();
    timer = setInterval(once, PERIOD);
  } else if (!sounding && timer) {
    clearInterval(timer);
    timer = 0;
  }
}

function once() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  const start = context.currentTime;
  const volume = context.createGain();
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(VOLUME, start + 0.06);
  volume.gain.setValueAtTime(VOLUME, start + RING - 0.2);
  volume.gain.linearRampToValueAtTime(0, start + RING);
  volume.connect(context.destination);
  for (const tone of TONES) {
    const oscillator = context.createOscillator();
    oscillator.frequency.value = tone;
    oscillator.connect(volume);
    oscillator.start(start);
    oscillator.stop(start + RING);
  }
}

onChange((name) => {
  if (name === "sound" && !setting("sound")) ring(false);
});
