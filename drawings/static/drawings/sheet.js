// A sheet of a drawing: its image, sharper parts of it where they are looked at, and boxes over it.
"use strict";

// The sides of a part in pixels, and the resolutions: each is used above a number of CSS pixels per point.
const TILE_PIXELS = 900;
const LEVELS = [{ dpi: 200, above: 2.2 }, { dpi: 144, above: 1.1 }];
const MAX_TILES = 80;
const TILES_AT_ONCE = 2;
const MIN_ZOOM = 0.05;
const MAX_ZOOM = 8;
// The longest side of the image of a whole page, in pixels.
const BASE_PIXELS = 2400;
const SVG = "http://www.w3.org/2000/svg";

class Sheet { // eslint-disable-line no-unused-vars
  constructor(stage) {
    this.stage = stage;
    this.sheet = stage.querySelector(".viewer-sheet");
    this.base = this.sheet.querySelector("img");
    this.tiles = this.sheet.querySelector("[data-tiles]");
    this.svg = this.sheet.querySelector("svg");
    this.loaded = new Map();
    this.queue = [];
    this.loading = 0;
    this.zoom = 1;
    this.width = this.height = 1;
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.sharpen(), 120);
    };
    this.later = later;
    stage.addEventListener("scroll", later, { passive: true });
    new ResizeObserver(later).observe(stage);
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const frame = stage.getBoundingClientRect();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
  }

  // Show a page; `address` is that of its image.
  show({ width, height, address, description }) {
    Object.assign(this, { width, height, address });
    for (const tile of this.loaded.values()) tile.remove();
    this.loaded.clear();
    this.queue = [];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const dpi = Math.max(10, Math.min(100, Math.floor((72 * BASE_PIXELS) / Math.max(width, height))));
    this.base.alt = description;
    this.base.src = `${address}?dpi=${dpi}`;
    this.fit();
  }

  fit() {
    this.zoomTo(this.stage.clientWidth / this.width, 0, 0);
    this.stage.scrollTo(0, 0);
  }

  // Change the CSS pixels per point; the place at x, y of the stage stays where it is.
  zoomTo(zoom, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const before = this.zoom;
    this.zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
    const ratio = this.zoom / before;
    const left = (this.stage.scrollLeft + x) * ratio - x;
    const top = (this.stage.scrollTop + y) * ratio - y;
    this.sheet.style.width = `${this.width * this.zoom}px`;
    this.sheet.style.height = `${this.height * this.zoom}px`;
    this.stage.scrollTo(left, top);
    this.later();
  }

  // Scroll to a box, and enlarge it if it is too small to be seen.
  reveal([x0, y0, x1, y1]) {
    const size = Math.max(x1 - x0, y1 - y0, 1);
    if (size * this.zoom < 24) this.zoomTo(Math.min(3, 48 / size));
    this.stage.scrollTo(
      ((x0 + x1) / 2) * this.zoom - this.stage.clientWidth / 2,
      ((y0 + y1) / 2) * this.zoom - this.stage.clientHeight / 2,
    );
  }

  // The place of a pointer on the page, in points.
  place(event) {
    const frame = this.svg.getBoundingClientRect();
    const within = (value, limit) => Math.min(limit, Math.max(0, value));
    return [
      within(((event.clientX - frame.left) / frame.width) * this.width, this.width),
      within(((event.clientY - frame.top) / frame.height) * this.height, this.height),
    ];
  }

  // Draw a box with a class; return its element.
  draw([x0, y0, x1, y1], className) {
    const box = document.createElementNS(SVG, "rect");
    const sides = { x: x0, y: y0, width: Math.max(0.5, x1 - x0), height: Math.max(0.5, y1 - y0) };
    for (const [name, value] of Object.entries(sides)) box.setAttribute(name, value);
    box.setAttribute("class", className);
    this.svg.append(box);
    return box;
  }

  // Request sharp images of the parts that are visible, beginning in the middle.
  sharpen() {
    const level = LEVELS.find((one) => this.zoom > one.above);
    this.tiles.hidden = !level;
    this.queue = [];
    if (!level || !this.address) return;
    const side = (TILE_PIXELS * 72) / level.dpi;
    const left = this.stage.scrollLeft / this.zoom;
    const top = this.stage.scrollTop / this.zoom;
    const right = Math.min(this.width, left + this.stage.clientWidth / this.zoom);
    const bottom = Math.min(this.height, top + this.stage.clientHeight / this.zoom);
    for (let row = Math.floor(top / side); row * side < bottom; row += 1) {
      for (let column = Math.floor(left / side); column * side < right; column += 1) {
        const box = [
          column * side, row * side, Math.min(this.width, (column + 1) * side), Math.min(this.height, (row + 1) * side),
        ];
        const distance = Math.hypot((box[0] + box[2] - left - right) / 2, (box[1] + box[3] - top - bottom) / 2);
        const name = `${level.dpi} ${row} ${column}`;
        if (!this.loaded.has(name)) this.queue.push({ name, box, dpi: level.dpi, distance });
      }
    }
    this.queue.sort((one, other) => one.distance - other.distance);
    this.loadNext();
  }

  loadNext() {
    while (this.loading < TILES_AT_ONCE && this.queue.length) {
      const { name, box, dpi } = this.queue.shift();
      const tile = new Image();
      const address = this.address;
      tile.alt = "";
      tile.style.left = `${(100 * box[0]) / this.width}%`;
      tile.style.top = `${(100 * box[1]) / this.height}%`;
      tile.style.width = `${(100 * (box[2] - box[0])) / this.width}%`;
      tile.style.height = `${(100 * (box[3] - box[1])) / this.height}%`;
      const done = () => {
        this.loading -= 1;
        this.loadNext();
      };
      tile.addEventListener("load", () => {
        if (address === this.address) this.keep(name, tile);
        done();
      });
      tile.addEventListener("error", done);
      this.loading += 1;
      tile.src = `${address}?dpi=${dpi}&bbox=${box.map((side) => side.toFixed(3)).join(",")}`;
    }
  }

  keep(name, tile) {
    this.loaded.set(name, tile);
    this.tiles.append(tile);
    if (this.loaded.size > MAX_TILES) {
      const [oldest] = this.loaded.keys();
      this.loaded.get(oldest).remove();
      this.loaded.delete(oldest);
    }
  }
}
