// Refreshes the panels of the home page, while it is looked at.
"use strict";

const PAUSE_MS = 5000;
const home = document.getElementById("home");
const age = document.querySelector("[data-part=age]");
let refreshedAt = Date.now();

function showPlot(panel, html) {
    const made = document.createElement("template");
    made.innerHTML = html;
    const chart = window.Chart && Chart.getChart(panel.querySelector("canvas"));
    const canvas = made.content.querySelector("canvas");
    if (!chart || !canvas) return;
    const data = JSON.parse(canvas.dataset.value);
    chart.data.labels = data.labels;
    data.datasets.forEach((set, index) => { chart.data.datasets[index].data = set.data; });
    chart.update();
    panel.querySelector("tbody").replaceWith(made.content.querySelector("tbody"));
}

function show(name, html) {
    const panel = home.querySelector(`[data-panel="${name}"]`);
    if (!panel || panel.dataset.html === html) return;
    panel.dataset.html = html;
    if (name === "plot") return showPlot(panel, html);
    // A link or button that has the focus stays where it is until the focus moves on.
    if (panel.contains(document.activeElement) && document.activeElement !== panel) { delete panel.dataset.html; return; }
    panel.innerHTML = html;
}

async function refresh() {
    if (document.hidden) return;
    try {
        const answer = await fetch(home.dataset.refresh, { headers: { Accept: "application/json" }, redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        for (const [name, html] of Object.entries((await answer.json()).panels)) show(name, html);
        refreshedAt = Date.now();
        age.textContent = "";
    } catch {
        const seconds = Math.round((Date.now() - refreshedAt) / 1000);
        age.textContent = `These figures are ${seconds} s old: the server does not answer. Reload the page to sign in again.`;
    }
}

async function keepRefreshing() {
    for (;;) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        await refresh();
    }
}

document.addEventListener("visibilitychange", refresh);
keepRefreshing();
