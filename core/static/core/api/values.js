// Examples with real values: the caller's own rows, and texts that the server does not have yet.

export class Values {
  /** `listed` is the document's x-example-values; `read` returns the JSON at a path, or null. */
  constructor(listed, read) {
    this.listed = listed;
    this.read = read;
    this.known = new Map();
  }

  /** Forget what was read; to be called after a write. */
  forget() {
    this.known.clear();
  }

  /** Return an example with real values, and add to `missing` what the server has none of. */
  async fill(example, missing = new Set()) {
    let text = JSON.stringify(example);
    for (const one of this.listed.filter(({ value }) => text.includes(inner(value)))) {
      const real = await this.real(one, missing);
      if (real == null) missing.add(one.means.replace(/^(an?|the) /, ""));
      else text = text.replaceAll(inner(one.value), inner(real));
    }
    return JSON.parse(text);
  }

  real(one, missing) {
    if (one.unique) return `${randomText()}.${one.value}`;
    if (!this.known.has(one.value)) this.known.set(one.value, this.find(one, missing));
    return this.known.get(one.value);
  }

  async find({ value, sources, at }, missing) {
    for (const source of sources) {
      const lacking = new Set();
      const path = await this.fill(source, lacking);
      lacking.forEach((what) => missing.add(what));
      if (lacking.size) continue;
      const found = at.split("/").slice(1).reduce((part, key) => part?.[key], await this.read(path));
      if (found != null) return found;
    }
    this.known.delete(value);
    return null;
  }
}

function inner(value) {
  return JSON.stringify(String(value)).slice(1, -1);
}

function randomText() {
  return [...crypto.getRandomValues(new Uint8Array(3))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
