// Searches a STAC API in STAC Browser, as a person would: by camera and time, page by page, then by the id of an item, which
// it opens.
//
//     node search.mjs --page URL --collection TITLE --from INSTANT --to INSTANT --expected FILE --id ID [--screenshots DIR]
//
// `--page` is a build of STAC Browser that opens the API; instants are as its form takes them, `2019-01-01 00:00:00`.
// FILE holds the titles of all items that are to be found, as JSON. Ends with 0 and a line for each page of results, or
// with 1 and what was wrong.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Visit } from "./visit.mjs";

const { values: options } = parseArgs({
  options: {
    page: { type: "string" },
    collection: { type: "string" },
    from: { type: "string" },
    to: { type: "string" },
    expected: { type: "string" },
    id: { type: "string" },
    screenshots: { type: "string" },
  },
});
for (const name of ["page", "collection", "from", "to", "expected", "id"]) assert(options[name], `--${name} is needed`);

/** How many items a page of results is asked to hold. */
const A_PAGE = 5;

const sorted = (texts) => [...texts].sort();

async function picture(visit, name) {
  if (options.screenshots) await visit.screenshot(join(options.screenshots, `${name}.png`));
}

/** By camera and time: every page of results, until there is none. */
async function searchAll(visit, expected) {
  await visit.open(options.page);
  await visit.press("Search");
  await visit.choose("#collections1", options.collection);
  await visit.fill(".mx-input", `${options.from} ~ ${options.to}`);
  await visit.fill("#limit1", String(A_PAGE));
  await visit.press("Submit");

  const found = [];
  const last = Math.ceil(expected.length / A_PAGE);
  for (let page = 1; page <= last; page += 1) {
    const count = Math.min(A_PAGE, expected.length - found.length);
    await visit.until(`page ${page} of the results, with ${count} items`, async () => {
      const titles = await visit.texts(".items .card-title");
      return titles.length === count && !titles.some((title) => found.includes(title));
    });
    await visit.settle();
    found.push(...(await visit.texts(".items .card-title")));
    assert(await visit.has("canvas"), "the footprints on a map");
    await visit.assertGood(`page ${page} of the results`);
    await picture(visit, `search-${page}`);
    console.log(`page ${page}: ${count} items`);
    if (page < last) await visit.press("Next");
  }
  assert(!(await visit.isOffered("Next")), "a page behind the last one is offered");
  assert.deepEqual(sorted(found), sorted(expected), "the items that were found");
}

/** By id: the one item, and its page. */
async function searchOne(visit) {
  await visit.press("Reset");
  await visit.enter("#ids1", options.id);
  await visit.press("Submit");
  await visit.until(`the item ${options.id} alone`, async () => (await visit.texts(".items .card-title")).length === 1);
  const [title] = await visit.texts(".items .card-title");
  await visit.follow(title);
  await visit.settle();
  assert(visit.address().includes(options.id), `the address of ${options.id}`);
  assert(await visit.has(".assets .asset .title"), "the assets of the item");
  await visit.assertGood(title);
  await picture(visit, "search-item");
  console.log(`${title}; ${visit.requests} requests`);
}

if (options.screenshots) await mkdir(options.screenshots, { recursive: true });
const visit = await Visit.start([options.page]);
try {
  await searchAll(visit, JSON.parse(await readFile(options.expected, "utf8")));
  await searchOne(visit);
} catch (error) {
  if (options.screenshots) await visit.screenshot(join(options.screenshots, "search-failed.png"));
  console.error(error.message);
  console.error([`at ${visit.address()}`, ...visit.faults].join("\n"));
  process.exitCode = 1;
} finally {
  await visit.end();
}
