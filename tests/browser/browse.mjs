// Walks a catalog in STAC Browser, as a person would: from the root to an item and back, in a headless Chromium, and
// compares what is on the pages with what stands in the documents.
//
//     node browse.mjs --page URL --catalog URL [--row CBERS4/MUX/154/126] [--screenshots DIR]
//
// `--page` is a build of STAC Browser that opens the catalog, `--catalog` the address of its root; `--row` the way down
// (without it, the first child of every level). Ends with 0 and a line for each page, or with 1 and what was wrong.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Visit } from "./visit.mjs";

const { values: options } = parseArgs({
  options: {
    page: { type: "string" },
    catalog: { type: "string" },
    row: { type: "string", default: "" },
    screenshots: { type: "string" },
  },
});
assert(options.page && options.catalog, "--page and --catalog are needed");

const links = (document, rel) => document.links.filter((link) => link.rel === rel);
const sorted = (texts) => [...texts].sort();
const day = (instant) => instant.slice(0, "2017-06-18".length);

/** A document of the catalog, and its address. */
async function read(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return { url, ...(await answer.json()) };
}

/** The child to go down to: the one on the way to the row, else the first one. */
function next(document) {
  const children = links(document, "child");
  const wanted = new URL(`${options.row}/`, options.catalog).href;
  return children.find((child) => wanted.startsWith(new URL(".", new URL(child.href, document.url)).href)) ?? children[0];
}

/** What every page of a catalog shows; the titles of its children while none of their documents has come yet. */
async function checkLevel(visit, document) {
  const rel = links(document, "item").length > 0 ? "item" : "child";
  const titles = sorted(links(document, rel).map((link) => link.title));
  assert(titles.length > 0, `${document.url} has no children`);
  assert.deepEqual(sorted(await visit.cardTitles(titles.length)), titles, `titles before anything is fetched: ${document.url}`);
  await visit.asked();
  await visit.release();
  assert.deepEqual(sorted(await visit.cardTitles(titles.length)), titles, `titles of the documents: ${document.url}`);
  assert.equal(await visit.text("h1"), document.title, "the title of the page");
  assert((await visit.text("section.intro")).includes(document.description), `the description of ${document.url}`);
  return titles;
}

/** What the page of a collection shows besides. */
async function checkCollection(visit, collection) {
  assert.deepEqual(sorted(await visit.texts(".keywords .keyword")), sorted(collection.keywords), "keywords");
  assert.deepEqual(
    await visit.texts(".providers .provider .title"), collection.providers.map((provider) => provider.name), "providers",
  );
  const shown = await visit.texts("section.intro .metadata .value");
  assert.equal(shown.length, 2, `licence and time: ${shown}`);
  assert.equal(shown[0], collection.license, "licence");
  assert(await visit.has("section.intro .metadata a[href]"), "the licence leads to its text");
  const [start] = collection.extent.temporal.interval[0];
  assert(shown[1].includes(day(start)), `the time from ${start}: ${shown[1]}`);
  assert(await visit.has(".maps-preview canvas"), "the extent on a map");
  const assets = Object.values(collection.item_assets).map((asset) => asset.title);
  // They stand on the page twice, beside the description and where items would be.
  const listed = new Set(await visit.texts(".assets .asset .title"));
  assert.deepEqual(sorted(listed), sorted(assets), "the assets that its items have");
}

/** What the cards of a row's items show once they have come: a picture and a time. */
async function checkItemCards(visit, items) {
  const pictures = items.map((item) => item.assets.thumbnail.href);
  await visit.pictures(".item-card img.thumbnail", pictures);
  const times = await visit.texts(".item-card small.text-muted");
  assert.deepEqual(sorted(times.map(day)), sorted(items.map((item) => day(item.properties.datetime))));
}

async function checkItem(visit, item) {
  assert.equal(await visit.text("h1"), item.properties.title, "the title of the page");
  // The quicklook is a picture of the page, not one of the assets that it lists.
  const assets = Object.values(item.assets).filter((asset) => !asset.roles.includes("thumbnail")).map((asset) => asset.title);
  assert.deepEqual(sorted(await visit.texts(".assets .asset .title")), sorted(assets), "assets");
  assert(await visit.has(".maps-preview canvas"), "the footprint on a map");
  const page = await visit.text("main");
  assert(page.includes(day(item.properties.datetime)), `the time of ${item.id}`);
  assert(page.includes(item.properties.platform), `the platform of ${item.id}`);
}

async function walk(visit) {
  let number = 0;
  const said = async (document, what) => {
    await visit.assertGood(document.url);
    const name = `${++number}-${document.id}`;
    if (options.screenshots) await visit.screenshot(join(options.screenshots, `${name}.png`));
    console.log(`${document.id}: ${what}`);
  };

  // Down to a row.
  const way = [];
  visit.hold(options.catalog);
  await visit.open(options.page);
  let document = await read(options.catalog);
  for (;;) {
    const titles = await checkLevel(visit, document);
    way.push({ title: document.title, titles });
    if (document.type === "Collection") await checkCollection(visit, document);
    if (links(document, "item").length > 0) break;
    await said(document, `${titles.length} children`);
    const child = next(document);
    document = await read(new URL(child.href, document.url).href);
    visit.hold(document.url);
    await visit.follow(child.title);
  }

  // Its items, and one of them.
  const addresses = links(document, "item").map((link) => new URL(link.href, document.url).href);
  const items = await Promise.all(addresses.map(read));
  await checkItemCards(visit, items);
  await said(document, `${items.length} items`);
  const item = items.at(-1);
  await visit.follow(item.properties.title);
  await visit.settle();
  await checkItem(visit, item);
  await said(item, `${Object.keys(item.assets).length} assets`);

  // And back up again, by the button that leads to the parent.
  for (const { title, titles } of way.reverse()) {
    await visit.up(title);
    await visit.settle();
    assert.deepEqual(sorted(await visit.cardTitles(titles.length)), titles, `back at ${title}`);
    await visit.assertGood(title);
  }
  assert(visit.pictured.size > 0, "no picture was asked for");
  console.log(`back at the root; ${visit.requests} requests, ${visit.pictured.size} pictures of other hosts`);
}

if (options.screenshots) await mkdir(options.screenshots, { recursive: true });
const visit = await Visit.start([options.page, options.catalog]);
try {
  await walk(visit);
} catch (error) {
  if (options.screenshots) await visit.screenshot(join(options.screenshots, "failed.png"));
  console.error(error.message);
  console.error([`at ${visit.address()}`, ...visit.faults].join("\n"));
  process.exitCode = 1;
} finally {
  await visit.end();
}
