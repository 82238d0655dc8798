// A visit to STAC Browser in a headless Chromium that reaches this machine alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

/** How long anything may take to appear, in milliseconds: a machine that is busy otherwise is no fault. */
const PATIENCE = 60_000;

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** The titles of children and items; a page has a card for its collection too, elsewhere. */
const CARDS = ".catalogs .card-title a, .items .card-title a";

/** What stands in for a picture of another host. */
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="320"><rect width="320" height="320" fill="#8a9a5b"/>
<path d="M0 210 90 120 160 190 240 90 320 200V320H0Z" fill="#556b2f"/></svg>`;

export class Visit {
  #context;
  #profile;
  #page;
  #origins;
  #hold = null;
  #inFlight = new Set();
  #changed = () => {};

  /** What was wrong so far: errors on the console, requests to elsewhere, answers that are errors. */
  faults = [];
  /** The pictures of other hosts that were asked for. */
  pictured = new Set();
  requests = 0;

  /** Starts Chromium; the pages' own requests may go to the origins of these addresses alone. */
  static async start(addresses) {
    const visit = new Visit();
    visit.#origins = new Set(addresses.map((address) => new URL(address).origin));
    visit.#profile = await mkdtemp(join(tmpdir(), "lazycat-chromium-"));
    visit.#context = await chromium.launchPersistentContext(visit.#profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ARGUMENTS,
      viewport: { width: 1280, height: 900 },
      locale: "en-US",
      timezoneId: "UTC",
    });
    visit.#page = visit.#context.pages()[0] ?? (await visit.#context.newPage());
    visit.#page.setDefaultTimeout(PATIENCE);
    await visit.#watch();
    return visit;
  }

  async end() {
    await this.#context.close();
    await rm(this.#profile, { recursive: true, force: true });
  }

  // ---- What the browser asks for ----

  async #watch() {
    const page = this.#page;
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(`on the console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.faults.push(`an error of the page: ${error.message}`));
    page.on("response", (response) => {
      if (response.status() >= 400) this.faults.push(`${response.status()} from ${response.url()}`);
    });
    page.on("request", (request) => this.#move(() => this.#inFlight.add(request)));
    for (const end of ["requestfinished", "requestfailed"]) {
      page.on(end, (request) => this.#move(() => this.#inFlight.delete(request)));
    }
    await this.#context.route("**/*", (route) => this.#answer(route));
  }

  async #answer(route) {
    const request = route.request();
    this.requests += 1;
    if (this.#origins.has(new URL(request.url()).origin)) {
      const hold = this.#hold;
      if (hold && request.resourceType() === "xhr" && request.url() !== hold.except) {
        this.#move(() => (hold.held += 1));
        await hold.released;
      }
      return route.continue();
    }
    if (request.resourceType() === "image") {
      this.pictured.add(request.url());
      return route.fulfill({ contentType: "image/svg+xml", body: PICTURE, headers: { "access-control-allow-origin": "*" } });
    }
    this.faults.push(`a request to elsewhere: ${request.method()} ${request.url()} (${request.resourceType()})`);
    return route.abort();
  }

  #move(change) {
    change();
    this.#changed();
  }

  /** Resolves when `holds` does, which is asked whenever a request begins or ends. */
  async #until(holds, what) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`after ${PATIENCE / 1000} s not: ${what}`)), PATIENCE);
    });
    const done = new Promise((resolve) => {
      this.#changed = () => holds() && resolve();
      this.#changed();
    });
    await Promise.race([done, late]).finally(() => clearTimeout(timer));
    this.#changed = () => {};
  }

  /** Lets no document through, other than the page's own, until `release`. */
  hold(except) {
    const hold = { except, held: 0 };
    hold.released = new Promise((resolve) => (hold.release = resolve));
    this.#hold = hold;
  }

  /** Waits until the page has asked for a document that is held back. */
  async asked() {
    await this.#until(() => this.#hold.held > 0, `the page at ${this.address()} asks for the documents of its cards`);
  }

  /** Lets the documents through, and waits for them. */
  async release() {
    this.#hold?.release();
    this.#hold = null;
    await this.settle();
  }

  /** Waits until everything that was asked for has come. */
  async settle() {
    await this.#until(() => this.#inFlight.size === 0, () => [...this.#inFlight].map((request) => request.url()).join(", "));
  }

  // ---- What a person does ----

  address() {
    return this.#page.url();
  }

  async open(url) {
    await this.#page.goto(url, { waitUntil: "domcontentloaded" });
  }

  /** Clicks on the card with this title, and waits for the page of that title. */
  async follow(title) {
    await this.#page.locator(CARDS).filter({ hasText: new RegExp(`^\\s*${literally(title)}\\s*$`) }).click();
    await this.#titled(title);
  }

  /** Clicks on the button that leads to the parent. */
  async up(title) {
    await this.#page.locator("nav.actions.navigation a:has(svg.bi-arrow90deg-up)").click();
    await this.#titled(title);
  }

  async #titled(title) {
    const found = (wanted) => document.querySelector("h1")?.textContent.trim() === wanted;
    await this.#page.waitForFunction(found, title).catch(() => {
      throw new Error(`no page has come with the title ${title}`);
    });
  }

  /** Clicks on the first button, or link that looks like one, with this word. */
  async press(word) {
    await this.#page.locator("a.btn, button").filter({ hasText: word }).first().click();
  }

  /** Whether such a button can be clicked. */
  async isOffered(word) {
    const button = this.#page.locator("a.btn, button").filter({ hasText: word }).first();
    return (await button.count()) > 0 && (await button.isEnabled());
  }

  /** Types into a field, and leaves it. */
  async fill(selector, text) {
    const field = this.#page.locator(selector);
    await field.click();
    await field.fill(text);
    await field.press("Tab");
    assert.equal(await field.inputValue(), text, `what stands in ${selector}`);
  }

  /** Chooses from the list of a field. */
  async choose(selector, text) {
    const list = this.#page.locator(".multiselect").filter({ has: this.#page.locator(selector) });
    await list.click();
    await list.locator(".multiselect__option").filter({ hasText: new RegExp(`^\\s*${literally(text)}\\s*$`) }).click();
    await this.#page.keyboard.press("Escape");
  }

  /** Types something new into the list of a field. */
  async enter(selector, text) {
    const field = this.#page.locator(selector);
    await this.#page.locator(".multiselect").filter({ has: field }).click();
    await field.fill(text);
    await field.press("Enter");
    await this.#page.keyboard.press("Escape");
  }

  async screenshot(path) {
    await this.#page.evaluate(() => window.scrollTo(0, 0));
    await this.#page.screenshot({ path });
  }

  // ---- What a person sees ----

  /** The titles of as many cards, when they are there. */
  async cardTitles(count) {
    const enough = ([selector, count]) => document.querySelectorAll(selector).length >= count;
    await this.#page.waitForFunction(enough, [CARDS, count]).catch(() => {});
    return this.texts(CARDS);
  }

  /** Waits until `holds` does, which is asked again and again. */
  async until(what, holds) {
    const end = Date.now() + PATIENCE;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`after ${PATIENCE / 1000} s not: ${what}`);
      await this.#page.waitForTimeout(100);
    }
  }

  async texts(selector) {
    return (await this.#page.locator(selector).allInnerTexts()).map((text) => text.trim());
  }

  async text(selector) {
    return (await this.#page.locator(selector).first().innerText()).trim();
  }

  /** Whether such an element appears. */
  async has(selector) {
    return this.#page.locator(selector).first().waitFor().then(() => true, () => false);
  }

  /** Scrolls along pictures, and waits until they are exactly these and each was asked for. */
  async pictures(selector, addresses) {
    const wanted = [...addresses].sort();
    const shown = ([selector, wanted]) => {
      const found = [...document.querySelectorAll(selector)].map((image) => image.src).sort();
      return JSON.stringify(found) === JSON.stringify(wanted);
    };
    const scrollAlong = async () => {
      for (const card of await this.#page.locator(".item-card").all()) await card.scrollIntoViewIfNeeded();
      return this.#page.waitForFunction(shown, [selector, wanted], { timeout: 3_000 }).then(() => true, () => false);
    };
    // A card that is passed by while the page is busy stays empty until it is seen again.
    let isThere = false;
    for (let passes = 0; passes < 10 && !isThere; passes += 1) isThere = await scrollAlong();
    if (!isThere) throw new Error(`the pictures are not these: ${wanted.join(" ")}`);
    await this.settle();
    assert.deepEqual(wanted.filter((address) => !this.pictured.has(address)), [], "pictures that were not asked for");
  }

  /** That nothing was wrong so far, here or on the way. */
  async assertGood(where) {
    this.faults.push(...(await this.texts(".alert-danger")).map((text) => `an error message: ${text}`));
    assert.deepEqual(this.faults, [], `faults on the way to ${where}`);
  }
}

function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
