'use strict';
// Judges the files of a request (standard input) with stac-node-validator; writes one report a file (standard output).
// Request: {schemas: {URL: path}, withExtensions: boolean, files: {key: path}}.
// Report: {key, judged: 0 or 1, errors: [text]}.

const fs = require('fs');

// stac-node-validator 2 calls this static method, which Node.js has since 22.1.
URL.parse ??= (text, base) => (URL.canParse(text, base) ? new URL(text, base) : null);

const validate = require('stac-node-validator');
const BaseValidator = require('stac-node-validator/src/baseValidator');
const { makeAjvErrorMessage } = require('stac-node-validator/src/utils');

const request = JSON.parse(fs.readFileSync(0, 'utf8'));
const unknownSchemas = new Set();

/** Reads documents by path and schemas by exact URL. The validator's own map goes by prefixes and then fetches. */
async function load(address) {
  if (!/^https?:/.test(address)) {
    return JSON.parse(fs.readFileSync(address, 'utf8'));
  }
  const path = request.schemas[address.replace(/#$/, '')];
  if (!path) {
    unknownSchemas.add(address);
    throw new Error(`unknown schema ${address}`);
  }
  return JSON.parse(fs.readFileSync(path, 'utf8'));
}

/** Without the extensions' schemas a document is judged as if it declared none. */
class CoreOnly extends BaseValidator {
  async afterLoading(data) {
    const { stac_extensions: _, ...core } = data;
    return core;
  }
}

async function main() {
  const keys = Object.keys(request.files);
  const report = await validate(
    keys.map((key) => request.files[key]),
    {
      loader: load,
      customValidator: request.withExtensions ? null : new CoreOnly(),
      schemaVersions: { '2019-09': require('ajv/dist/2019'), '2020-12': require('ajv/dist/2020') },
    },
  );
  const reports = report.children.map((child, index) => {
    const { core, extensions, custom } = child.results;
    const found = [['core', core], ...Object.entries(extensions), ['custom', custom]];
    const errors = found.flatMap(([schema, list]) => list.map((error) => `${schema}: ${makeAjvErrorMessage(error)}`));
    if (child.skipped) {
      errors.push(`was skipped: ${child.messages.join(' ')}`);
    } else if (child.valid !== true && errors.length === 0) {
      errors.push('was found invalid without a reason');
    }
    return { key: keys[index], judged: child.skipped ? 0 : 1, errors };
  });
  if (unknownSchemas.size > 0) {
    reports.push({ key: '', judged: 0, errors: [...unknownSchemas].map((url) => `unknown schema ${url}`) });
  }
  process.stdout.write(JSON.stringify(reports));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
