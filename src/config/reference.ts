/**
 * The two documents that are made from the language: the JSON Schema for editors and the page for readers.
 *
 * Both are rendered to text here and written by `generate.ts`, so that a test can compare the files with what they
 * should be. Nothing about a key is written here: its meaning, default and form come from the schema, and a key
 * without a description is a fault of the schema that the test reports.
 */

import { inWords, type LanguageNode, language } from './language.ts';

type Published = Readonly<Record<string, unknown>>;

/** The content of `config/schema.json`. */
export function renderSchema(): string {
  const { $schema, ...rest } = publish(language as Published) as Record<string, unknown>;
  const $defs = {
    reference: { description: 'A value of the environment.', type: 'string', pattern: '\\$\\{[A-Za-z_]' },
  };
  const document = { $schema, title: 'Tidegate configuration', ...rest, $defs };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A node as it is published: without our own words, and with a reference allowed wherever a single value stands. */
function publish(node: Published): Published {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === 'allowed') continue;
    if (key === 'properties') out[key] = mapValues(value as Record<string, Published>, publish);
    else if (key === 'propertyNames') out[key] = withoutAllowed(value as Published);
    else if (key === 'anyOf') out[key] = (value as readonly Published[]).map(publish);
    else if (key === 'items' || (key === 'additionalProperties' && value !== false))
      out[key] = publish(value as Published);
    else out[key] = value;
  }
  return isSingle(node) ? withReference(out) : out;
}

function withoutAllowed({ allowed: _, ...rest }: Published): Published {
  return rest;
}

function isSingle(node: Published): boolean {
  return node.anyOf === undefined && node.type !== 'object' && node.type !== 'array';
}

function withReference({ description, default: preset, ...form }: Record<string, unknown>): Published {
  return {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    anyOf: [form, { $ref: '#/$defs/reference' }],
  };
}

function mapValues(record: Record<string, Published>, change: (node: Published) => Published): Published {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** The content of `docs/configuration.md`. */
export function renderPage(): string {
  const general: Row[] = [];
  const chapters: string[] = [];
  for (const [key, node] of Object.entries(language.properties ?? {})) {
    const rows = rowsOf(node, isList(node) ? '[]' : '');
    const required = language.required?.includes(key) ?? false;
    if (rows.length === 0) general.push(rowOf(key, node, required));
    else chapters.push(`## ${key}\n\n${node.description ?? ''}${required ? ' Required.' : ''}\n\n${table(rows)}`);
  }
  return [INTRODUCTION, `## General\n\n${table(general)}`, ...chapters].join('\n\n').concat('\n');
}

type Row = { readonly key: string; readonly type: string; readonly preset: string; readonly meaning: string };

/** The rows of everything below a node; `at` is the key of the node itself. */
function rowsOf(node: LanguageNode, at: string): Row[] {
  const rows: Row[] = [];
  for (const form of node.anyOf ?? [node]) {
    if (form.anyOf !== undefined) rows.push(...rowsOf(form, at));
    if (form.items !== undefined) rows.push(...rowsOf(form.items, at.endsWith('[]') ? at : `${at}[]`));
    if (form.additionalProperties) rows.push(...rowsOf(form.additionalProperties, join(at, 'NAME')));
    for (const [key, inner] of Object.entries(form.properties ?? {})) {
      const name = join(at, key);
      rows.push(rowOf(name, inner, form.required?.includes(key) ?? false), ...rowsOf(inner, name));
    }
  }
  return rows;
}

function rowOf(key: string, node: LanguageNode, required: boolean): Row {
  return { key, type: typeOf(node), preset: presetOf(node, required), meaning: node.description ?? '' };
}

function join(at: string, key: string): string {
  return at === '' ? key : `${at}.${key}`;
}

function isList(node: LanguageNode): boolean {
  return node.items !== undefined;
}

/** The form in words; the keys of a mapping are rows of their own and are not listed again. */
function typeOf(node: LanguageNode): string {
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeOf))].join(' or ');
  if (node.items !== undefined) return `a list of: ${typeOf(node.items)}`;
  if (node.properties !== undefined) return 'a mapping';
  if (node.additionalProperties) {
    const values = typeOf(node.additionalProperties);
    return values === 'a mapping' ? 'a mapping by name' : `a mapping by name, each ${values}`;
  }
  return inWords(node);
}

function presetOf(node: LanguageNode, required: boolean): string {
  if (required) return '_required_';
  const preset = node.default;
  if (preset === undefined || (typeof preset === 'object' && preset !== null && Object.keys(preset).length === 0))
    return '';
  return `\`${typeof preset === 'string' ? preset : JSON.stringify(preset)}\``;
}

/** A table whose columns are as wide as their widest cell, which is how the formatter of this repository has them. */
function table(rows: readonly Row[]): string {
  const cells = rows.map(({ key, type, preset, meaning }) => [`\`${key}\``, cell(type), preset, cell(meaning)]);
  const head = ['key', 'form', 'default', 'meaning'];
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string => {
    const padded = row.map((text, column) => text.padEnd(widths[column]!));
    return `| ${padded.join(' | ')} |`;
  };
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').split('`');
  // Inside of backquotes a star is only a star.
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll('*', '\\*') : part)).join('`');
}

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema.ts by \`npm run generate\`. Edit the schema and not this page. -->

One YAML file says everything. \`tidegate validate FILE\` shows all its problems at once, each with line and column; a
key that is not on this page is an error. A running Tidegate watches the file: a good edit takes effect without a
restart and without losing a request, a bad one changes nothing and is reported. Only \`workers\`, \`state\`,
\`admin.address\` and \`ofrep.address\` wait for the next start.

For help in an editor, name the JSON Schema on the first line:

\`\`\`yaml
# yaml-language-server: $schema=./schema.json
\`\`\`

## Values

- **Durations** carry their unit: \`250ms\`, \`5s\`, \`10m\`, \`1h\`.
- **Sizes** carry theirs: \`512B\`, \`16KiB\`, \`1MiB\`.
- **Shares** are \`5%\`. **Weights** are any numbers from zero up, and a share is a weight divided by their sum, so
  \`0.1\` beside \`99.9\` is a thousandth. When all weights are zero, every request is answered with 503.
- **Addresses** are \`host:port\`, and an IPv6 host stands in brackets: \`[::1]:8080\`.
- **The environment**: \`\${NAME}\` is the value of a variable, \`\${NAME:-default}\` has a default for a variable that
  is unset or empty, and \`$\${\` is a literal \`\${\`. References stand in values and not in keys, and a value can
  never add structure. A missing variable without default is an error. Values from the environment and tokens are
  shown as \`***\` in errors and in the admin API.

A name of a service, a pool or a route has 1 to 63 lower-case letters, digits and inner hyphens. In the tables, \`[]\`
is each item of a list and \`NAME\` is a name that you choose.`;
