// Searches a STAC API in STAC Browser, as a person would: by camera and time, page by page, and opens one of the items
// that were found.
//
//     node search.mjs --page URL --collection TITLE --from INSTANT --to INSTANT --expected FILE [--screenshots DIR]
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
    screenshots: { type: "string" },
  },
});
for (const name of ["page", "collection", "from", "to", "expected"]) assert(options[name], `--${name} is needed`);

/** How many items a page of results is asked to hold. */
const A_PAGE = 5;

const sorted = (texts) => [...texts].sort();

async function search(visit, expected) {
  const picture = async (name) => {
    if (options.screenshots) await visit.screenshot(join(options.screenshots, `${name}.png`));
  };
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
    await picture(`search-${page}`);
    console.log(`page ${page}: ${count} items`);
    if (page < last) await visit.press("Next");
  }
  assert(!(await visit.isOffered("Next")), "a page behind the last one is offered");
  assert.deepEqual(sorted(found), sorted(expected), "the items that were found");

  const title = found.at(-1);
  await visit.follow(title);
  await visit.settle();
  assert((await visit.text("main")).includes(title), "the page of the item");
  assert(await visit.has(".assets .asset .title"), "the assets of the item");
  await visit.assertGood(title);
  await picture("search-item");
  console.log(`${title}; ${visit.requests} requests`);
}

if (options.screenshots) await mkdir(options.screenshots, { recursive: true });
const visit = await Visit.start([options.page]);
try {
  await search(visit, JSON.parse(await readFile(options.expected, "utf8")));
} catch (error) {
  if (options.screenshots) await visit.screenshot(join(options.screenshots, "search-failed.png"));
  console.error(error.message);
  console.error([`at ${visit.address()}`, ...visit.faults].join("\n"));
  process.exitCode = 1;
} finally {
  await visit.end();
}
