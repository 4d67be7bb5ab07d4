"use strict";
// The gateway's own page. Chinese first; everything is built with textContent, never as HTML.
const $ = (id) => document.getElementById(id);
const BLIND_MS = 15000; // three pings missed: say so
const alarms = new Map();
let situation = null;
let heardAt = 0;
let stream = null;
let lastChange = 0;
let audio = null;
let retry = null;

const PRIORITY = { high: ["高", "high"], medium: ["中", "medium"], low: ["低", "low"] };
const ORIGIN = { simulated: "模拟 simulated", drill: "演练 drill" };
const clock = (ms) => new Date(ms).toLocaleTimeString("zh-CN", { hour12: false });
const both = (parent, zh, en) => {
  parent.textContent = zh + " ";
  const span = document.createElement("span");
  span.lang = "en";
  span.textContent = en;
  parent.append(span);
};

async function call(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "X-Yuyue-Request": "1", "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
    signal: AbortSignal.timeout(10000),
  });
}

function showLogin() {
  stopStream();
  $("desk").hidden = true;
  $("login").hidden = false;
  $("line").hidden = true;
  try { $("name").value = localStorage.getItem("name") ?? ""; } catch { /* private mode */ }
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = $("why");
  why.textContent = "";
  const name = $("name").value.trim();
  unlock();
  let answer;
  try {
    answer = await call("/api/login", { pin: $("pin").value, name });
  } catch {
    both(why, "网关没有回答，请重试。", "The gateway does not answer; try again.");
    return;
  }
  $("pin").value = "";
  if (answer.ok) {
    try { localStorage.setItem("name", name); } catch { /* private mode */ }
    await load();
  } else if (answer.status === 401) both(why, "密码不对。", "The PIN is wrong.");
  else if (answer.status === 429) both(why, "尝试太多，请等一分钟。", "Too many tries; wait a minute.");
  else if (answer.status === 422) both(why, "请写上您的姓名。", "Please say who you are.");
  else both(why, `没有成功（${answer.status}）。`, "It did not work.");
});

$("logout").addEventListener("click", async () => {
  try { await call("/api/logout"); } catch { /* the cookie stays; say nothing false */ }
  location.reload();
});

async function load() {
  let answer;
  try {
    answer = await fetch("/api/state", { signal: AbortSignal.timeout(10000) });
  } catch {
    again();
    return;
  }
  if (answer.status === 401) return showLogin();
  if (!answer.ok) return again();
  const state = await answer.json();
  heardAt = Date.now();
  $("login").hidden = true;
  $("desk").hidden = false;
  $("who").textContent = state.name;
  alarms.clear();
  for (const alarm of state.alarms) alarms.set(alarm.alarm_id, alarm);
  situation = state.situation;
  lastChange = state.change;
  draw();
  follow();
}

function again() {
  clearTimeout(retry);
  retry = setTimeout(load, 3000);
  check();
}

function stopStream() {
  if (stream) stream.close();
  stream = null;
}

function follow() {
  stopStream();
  const mine = new EventSource(`/api/stream?after=${lastChange}`);
  stream = mine;
  const heard = (handle) => (event) => {
    if (stream !== mine) return;
    heardAt = Date.now();
    handle(event);
    draw();
  };
  mine.addEventListener("alarm", heard((event) => {
    const alarm = JSON.parse(event.data);
    alarms.set(alarm.alarm_id, alarm);
    lastChange = Number(event.lastEventId);
  }));
  mine.addEventListener("situation", heard((event) => { situation = JSON.parse(event.data); }));
  mine.addEventListener("reset", heard(() => load()));
  mine.addEventListener("end", () => showLogin());
  mine.addEventListener("error", () => {
    // The browser comes back by itself, unless the gateway refused.
    if (stream === mine && mine.readyState === EventSource.CLOSED) again();
  });
}

function item(alarm) {
  const li = document.createElement("li");
  li.className = `${alarm.priority}${alarm.is_ringing ? " ringing" : ""}`;
  li.dataset.id = alarm.alarm_id;
  const title = document.createElement("h3");
  const mark = document.createElement("span");
  mark.className = "mark";
  const [zh, en] = PRIORITY[alarm.priority] ?? ["", alarm.priority];
  mark.textContent = `${alarm.priority === "high" ? "▲▲" : "▲"} ${zh} ${en}`;
  const small = document.createElement("small");
  small.lang = "en";
  small.textContent = alarm.en;
  title.append(mark, `${alarm.zh} `, small);
  li.append(title);
  const line = (text) => { const p = document.createElement("p"); p.textContent = text; li.append(p); };
  line([alarm.place, alarm.elder].filter(Boolean).join(" · ") || alarm.device_id);
  line(`发生 happened ${clock(alarm.happened_ms)}`);
  if (alarm.origin !== "live") line(ORIGIN[alarm.origin] ?? alarm.origin);
  if (alarm.recovered_ms) line(`${clock(alarm.recovered_ms)} 情况已恢复，仍需查看 recovered, check still due`);
  if (alarm.acknowledged_ms) {
    line(`${clock(alarm.acknowledged_ms)} ${alarm.acknowledged_by} 已确认 acknowledged`);
  } else if (!alarm.delivered_ms) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "main";
    both(button, "确认，我去处理", "Acknowledge, I am going");
    button.addEventListener("click", () => acknowledge(alarm.alarm_id, button));
    li.append(button);
  }
  if (alarm.delivered_ms) line(`${clock(alarm.delivered_ms)} 已报到云端，请在值班台继续处理 now at the duty desk`);
  return li;
}

async function acknowledge(id, button) {
  button.disabled = true;
  try {
    const answer = await call(`/api/alarms/${encodeURIComponent(id)}/acknowledge`);
    if (answer.status === 401) return showLogin();
    if (!answer.ok) throw new Error(String(answer.status));
    alarms.set(id, await answer.json());
    draw();
  } catch {
    button.disabled = false;
    both(button, "没有成功，请再按一次", "It did not work; press again");
  }
}

let drawn = "";
function draw() {
  const list = [...alarms.values()].sort(
    (a, b) => Number(b.is_ringing) - Number(a.is_ringing) || b.happened_ms - a.happened_ms,
  );
  const now = JSON.stringify(list);
  if (now !== drawn) {
    drawn = now;
    $("alarms").replaceChildren(...list.map(item));
    $("none").hidden = list.length > 0;
  }
  const ringing = list.filter((alarm) => alarm.is_ringing).length;
  document.title = ringing ? `(${ringing}) 本地报警 · Local alarm` : "本地报警 · Local alarm";
  if (!situation) return;
  $("house").textContent = `${situation.institution} · ${situation.gateway}`;
  const cloud = $("cloud");
  cloud.classList.toggle("bad", situation.cloud_away_s > 0);
  if (situation.cloud_away_s > 0) {
    both(cloud, `云端不可用，已 ${Math.round(situation.cloud_away_s)} 秒：报警在本页显示。`,
      "The cloud is away: alarms appear here.");
  } else {
    both(cloud, "云端正常：报警在值班台处理。", "The cloud answers: alarms are handled at the duty desk.");
  }
  const down = Object.entries(situation.sources).filter(([, up]) => !up).map(([name]) => name);
  $("sources").hidden = down.length === 0;
  if (down.length) both($("sources"), `收不到传感器：${down.join("、")}。没有报警不等于平安。`,
    "Sensors cannot be heard: silence does not mean that all is well.");
  $("power").hidden = situation.mains !== false;
  if (situation.mains === false) {
    const left = situation.battery_percent == null ? "" : `，电量 ${Math.round(situation.battery_percent)}%`;
    both($("power"), `网关市电中断，正用电池${left}。`, "The gateway runs on its battery.");
  }
}

function check() {
  const blind = !$("desk").hidden && Date.now() - heardAt > BLIND_MS;
  $("line").hidden = !blind;
}
setInterval(check, 1000);

// -- sound: browsers want a touch first; the button says whether it is on ------------------------
function unlock() {
  try {
    audio ??= new AudioContext();
    void audio.resume().then(showSound);
  } catch { /* no sound here */ }
}
function showSound() {
  const on = audio?.state === "running";
  if (on) both($("sound"), "声音已开启", "Sound is on");
  else both($("sound"), "开启声音", "Sound on");
  $("sound").setAttribute("aria-pressed", String(on));
}
$("sound").addEventListener("click", () => { unlock(); beep(880, 0, 0.15); });
function beep(hz, afterS, lengthS) {
  if (audio?.state !== "running") return;
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  const at = audio.currentTime + afterS;
  tone.frequency.value = hz;
  gain.gain.setValueAtTime(0.0001, at);
  gain.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
  gain.gain.setValueAtTime(0.5, at + lengthS - 0.03);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + lengthS);
  tone.connect(gain).connect(audio.destination);
  tone.start(at);
  tone.stop(at + lengthS);
}
setInterval(() => {
  const ringing = [...alarms.values()].filter((alarm) => alarm.is_ringing);
  if (!ringing.length) return;
  const high = ringing.some((alarm) => alarm.priority === "high");
  for (let k = 0; k < (high ? 3 : 2); k += 1) beep(high ? 988 : 660, k * 0.3, 0.22);
  navigator.vibrate?.([300, 100, 300]);
}, 2500);
setInterval(showSound, 2000);

void load();
