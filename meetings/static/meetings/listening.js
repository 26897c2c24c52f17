// A meeting's page: the player and its transcript, and the upload of a recording.
"use strict";

const PIECE_BYTES = 512 * 1024;

function connectPlayer(audio, list, problem) {
  let lines = [];
  let starts = [];
  let current = -1;

  function readLines() {
    lines = [...list.children];
    starts = lines.map((line) => Number(line.dataset.start));
  }

  function lineAt(ms) {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function show() {
    const found = lineAt(audio.currentTime * 1000);
    if (found === current) return;
    lines[current]?.classList.remove("current");
    lines[current]?.removeAttribute("aria-current");
    current = found;
    const line = lines[current];
    if (!line) return;
    line.classList.add("current");
    line.setAttribute("aria-current", "true");
    // Only the list scrolls, not the page.
    const above = line.offsetTop - list.offsetTop;
    if (above < list.scrollTop || above + line.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = above - list.clientHeight / 3;
    }
  }

  function play(ms) {
    audio.currentTime = ms / 1000;
    show();
    audio.play().catch(() => {});
  }

  audio.addEventListener("timeupdate", show);
  audio.addEventListener("seeked", show);
  audio.addEventListener("playing", () => { problem.textContent = ""; });
  audio.addEventListener("error", () => {
    problem.textContent = "The recording cannot be played: it is gone, its format is not one of this browser, or you are signed out.";
  });
  list.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    const line = event.target.closest("li");
    if (line) play(Number(line.dataset.start));
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = lines.indexOf(event.target.closest("li"));
    const next = step && lines[place + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector("button").focus();
  });
  document.getElementById("listening").addEventListener("click", (event) => {
    const link = event.target.closest("[data-seek]");
    if (!link) return;
    play(Number(link.dataset.seek));
    // The address is that of a page that begins with the line, for readers without this script.
    if (document.getElementById(link.hash.slice(1))) {
      event.preventDefault();
      location.hash = link.hash;
    }
  });
  readLines();
  list.addEventListener("lines", readLines);
}

// The page has the first lines; the others follow.
async function loadLines(list, next) {
  const response = await fetch(`${list.dataset.lines}?from=${next.querySelector("a").dataset.from}`);
  if (!response.ok) return;
  const sample = list.lastElementChild;
  const { lines } = await response.json();
  list.append(...lines.map((line) => {
    const item = sample.cloneNode(true);
    item.classList.remove("current");
    item.removeAttribute("aria-current");
    item.id = `line-${line.id}`;
    item.dataset.start = line.start;
    item.dataset.end = line.end;
    item.querySelector("button").textContent = line.at;
    item.querySelector("b").textContent = line.speaker;
    const link = item.querySelector("a");
    link.href = link.getAttribute("href").replace(/[0-9a-f-]{36}/, line.id);
    link.ariaLabel = `Correct the line at ${line.at}`;
    item.querySelector("span").replaceChildren(`${line.text} `, link);
    return item;
  }));
  next.remove();
  list.dispatchEvent(new Event("lines"));
}

// Draws the peaks; what was played is drawn in full strength.
function connectWaveform(audio, canvas, peaks, fallbackSeconds) {
  const drawn = canvas.getContext("2d");

  function length() {
    return Number.isFinite(audio.duration) ? audio.duration : fallbackSeconds;
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const width = (canvas.width = canvas.clientWidth * scale);
    const height = (canvas.height = canvas.clientHeight * scale);
    const played = length() ? (audio.currentTime / length()) * width : 0;
    drawn.fillStyle = getComputedStyle(canvas).color;
    const step = width / peaks.length;
    peaks.forEach((peak, place) => {
      const tall = Math.max(scale, (peak / 255) * height);
      drawn.globalAlpha = place * step < played ? 0.9 : 0.4;
      drawn.fillRect(place * step, (height - tall) / 2, Math.max(step * 0.8, 0.5), tall);
    });
  }

  canvas.addEventListener("click", (event) => {
    const share = event.offsetX / canvas.clientWidth;
    audio.currentTime = share * length();
    audio.play().catch(() => {});
  });
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(name, draw);
  new ResizeObserver(draw).observe(canvas);
}

function connectUpload(form, address) {
  const progress = form.querySelector("progress");
  const report = form.querySelector("[role=status]");
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;

  async function post(url, body) {
    const response = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token } });
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    const answer = isJson ? await response.json() : {};
    if (!response.ok) throw new Error(answer.detail || `The upload failed (${response.status}).`);
    return answer;
  }

  // Otherwise the script of the admin site writes the name of the file to a field that its own file fields have.
  form.elements.file.hasChangeListener = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.elements.file.files[0];
    form.querySelector("button").disabled = true;
    progress.hidden = false;
    report.textContent = "";
    try {
      const declared = new URLSearchParams({ filename: file.name, content_type: file.type, size: file.size });
      const { id } = await post(address, declared);
      for (let offset = 0; offset < file.size;) {
        const piece = file.slice(offset, offset + PIECE_BYTES);
        ({ offset } = await post(`${address}${id}/?offset=${offset}`, piece));
        progress.value = (100 * offset) / file.size;
      }
      location.reload();
    } catch (error) {
      report.textContent = error.message;
      form.querySelector("button").disabled = false;
    }
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("listening");
  if (!page) return;
  const audio = document.getElementById("listening-audio");
  const list = document.getElementById("listening-lines");
  const form = document.getElementById("listening-upload");
  const canvas = document.getElementById("listening-waveform");
  if (audio && canvas) {
    const peaks = JSON.parse(document.getElementById("listening-peaks").textContent);
    connectWaveform(audio, canvas, peaks, Number(page.dataset.seconds));
  }
  if (audio && list) connectPlayer(audio, list, document.getElementById("listening-problem"));
  const next = document.getElementById("listening-next");
  if (next) loadLines(list, next).catch(() => {}); // The link to the next lines stays.
  if (form) connectUpload(form, page.dataset.upload);
});
