// Run by test_timeline_scripts.py, beside the modules of the page.
import { Scale, elapsed, took } from "./timeline-scale.mjs";
const scale = new Scale();
scale.zero = 100;
scale.width = 1000;
const seen = { labels: {}, most: 0, kept: [], even: true };
for (const span of [0.002, 0.05, 1, 7, 60, 600, 86400, 604800]) {
  scale.from = 100;
  scale.span = span;
  const ticks = scale.ticks();
  seen.labels[span] = ticks.slice(0, 3).map((tick) => tick.text);
  seen.most = Math.max(seen.most, ticks.length);
  const steps = new Set(ticks.slice(1).map((tick, index) => Math.round(tick.x - ticks[index].x)));
  seen.even &&= steps.size <= 1;
  const at = scale.at(300);
  scale.zoom(0.5, 300);
  seen.kept.push(Math.abs(scale.at(300) - at) < 1e-6);
}
scale.fit(100, 110);
seen.fits = [scale.x(100) >= 0, scale.x(110) <= scale.width];
scale.follow(200);
seen.follows = scale.x(200) < scale.width && scale.x(200) > scale.width * 0.8;
scale.reveal(10, 12);
seen.revealed = scale.x(10) >= 0 && scale.x(12) <= scale.width;
for (let times = 0; times < 200; times += 1) scale.zoom(0.5, 0);
seen.finest = scale.span;
seen.words = [elapsed(0), elapsed(59.9996), elapsed(62.5, 1), elapsed(-1.5, 1), elapsed(3661, 0)];
seen.took = [took(0), took(0.0123), took(1.5), took(12.34), took(61)];
console.log(JSON.stringify(seen));
