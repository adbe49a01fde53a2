"use strict";
const at = (id) => document.getElementById(id);
const video = at("video");
let clips = [], index = 0, part = { start: 0, end: 0 }, leaving = false;

const clip = () => clips[index];
const say = (text) => { at("said").textContent = text; };

async function ask(what, content) {
  const answer = await fetch(what, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function show(next) {
  index = Math.min(Math.max(next, 0), clips.length - 1);
  const now = clip(), decided = now.decision, kept = decided || now.suggested;
  part = { start: kept.start, end: Math.min(kept.end, now.duration) };
  leaving = false;
  video.src = "clip/" + index;
  video.currentTime = part.start;
  at("name").textContent = now.clip;
  at("action").textContent = now.action;
  at("where").textContent = `${index + 1} of ${clips.length}, ${now.width} × ${now.height}, ${now.fps.toFixed(2)}/s`;
  at("rules").replaceChildren(...now.rules.map(([rule, good, reason]) => {
    const row = document.createElement("tr");
    for (const text of [good ? "✓" : "✗", rule, reason]) row.appendChild(document.createElement("td")).textContent = text;
    row.className = good ? "good" : "bad";
    return row;
  }));
  say("");
  draw();
  video.play().catch(() => {});
}

function draw() {
  const now = clip(), share = (seconds) => 100 * seconds / now.duration + "%";
  at("kept").style.left = share(part.start);
  at("kept").style.width = share(part.end - part.start);
  at("element").style.left = share(now.element[0]);
  at("element").style.width = share(now.element[1] - now.element[0]);
  at("part").textContent = `${part.start.toFixed(2)} to ${part.end.toFixed(2)} s of ${now.duration.toFixed(2)} s`;
  const choice = now.decision ? now.decision.choice + "ed" : `undecided; the rules say ${now.verdict}: ${now.reason}`;
  at("choice").textContent = choice;
  at("choice").className = now.decision ? (now.decision.choice === "accept" ? "good" : "bad") : "";
  const done = clips.filter((one) => one.decision).length;
  at("done").max = clips.length;
  at("done").value = done;
  at("count").textContent = `${done} of ${clips.length} decided`;
  document.body.dataset.index = index;
}

function follow() {
  if (clips.length) {
    const seconds = video.currentTime;
    at("now").style.left = 100 * seconds / clip().duration + "%";
    if (!video.paused && (seconds >= part.end || seconds < part.start - 0.05)) video.currentTime = part.start;
  }
  requestAnimationFrame(follow);
}

function step(by) {
  video.pause();
  const times = clip().times;
  let nearest = times.findLastIndex((time) => time <= video.currentTime + 1e-3);
  nearest = Math.min(Math.max(nearest + by, 0), times.length - 1);
  video.currentTime = times[nearest] + 0.0005;
}

function frameTime() {
  const times = clip().times;
  return times[Math.max(times.findLastIndex((time) => time <= video.currentTime + 1e-3), 0)];
}

function frameEnd() {
  return clip().times.find((time) => time > video.currentTime + 1e-3) ?? clip().duration;
}

async function decide(choice) {
  const now = clip();
  now.decision = await ask("decide", { clip: now.clip, choice, start: part.start, end: part.end });
  if (index + 1 < clips.length) show(index + 1); else draw();
}

async function forget() {
  await ask("forget", { clip: clip().clip });
  clip().decision = null;
  draw();
}

async function finish() {
  const left = clips.filter((one) => !one.decision).length;
  if (!leaving) {
    leaving = true;
    say(`${left} undecided. Press q again to finish.`);
    return;
  }
  await ask("finish", {});
  video.pause();
  document.body.dataset.finished = "yes";
  say("Finished: the clips are being written. You can close this page.");
}

function trim(edge) {
  if (edge === "start") part.start = Math.min(frameTime(), part.end - 0.01);
  else part.end = Math.max(frameEnd(), part.start + 0.01);
  draw();
}

function nextUndecided() {
  const after = [...clips.keys()].map((k) => (index + 1 + k) % clips.length);
  const found = after.find((k) => !clips[k].decision);
  if (found === undefined) say("All are decided."); else show(found);
}

const KEYS = {
  a: () => decide("accept"),
  r: () => decide("reject"),
  u: forget,
  "[": () => trim("start"),
  "]": () => trim("end"),
  x: () => { part = { start: 0, end: clip().duration }; draw(); },
  ",": () => step(-1),
  ".": () => step(1),
  " ": () => { if (video.paused) video.play(); else video.pause(); },
  s: () => { video.playbackRate = video.playbackRate === 1 ? 0.25 : 1; },
  n: nextUndecided,
  ArrowLeft: () => show(index - 1),
  ArrowRight: () => show(index + 1),
  q: finish,
};

document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || !clips.length) return;
  event.preventDefault();
  if (event.key !== "q") leaving = false;
  Promise.resolve(action()).catch((error) => say(error.message));
});

fetch("clips").then((answer) => answer.json()).then((told) => {
  clips = told;
  show(Math.max(clips.findIndex((one) => !one.decision), 0));
  follow();
});
