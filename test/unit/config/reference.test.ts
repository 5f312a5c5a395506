/** The files that are generated from the language. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { keysAt, type LanguageNode, language } from '../../../src/config/language.ts';
import { renderPage, renderSchema } from '../../../src/config/reference.ts';

const root = new URL('../../../', import.meta.url);

t.test('the JSON Schema is what the language says; npm run generate writes it', async (t) => {
  t.equal(await readFile(new URL('config/schema.json', root), 'utf8'), renderSchema());
});

t.test('the page is what the language says; npm run generate writes it', async (t) => {
  t.equal(await readFile(new URL('docs/configuration.md', root), 'utf8'), renderPage());
});

t.test('every key has a description, and the page has a row for it', async (t) => {
  const page = renderPage();
  let count = 0;
  const visit = (node: LanguageNode, path: string): void => {
    for (const [key, inner] of Object.entries(node.properties ?? {})) {
      count += 1;
      const below = path === '' ? key : `${path}.${key}`;
      t.match(inner.description, /^[A-Z].*\.$/s, `${below} is described in a sentence`);
      t.ok(
        page.includes(inner.description ?? '?') || page.includes((inner.description ?? '?').replaceAll('*', '\\*')),
        `${below} is on the page`,
      );
      visit(inner, below);
    }
    for (const inner of [node.items, node.additionalProperties || undefined, ...(node.anyOf ?? [])]) {
      if (inner !== undefined) visit(inner, path);
    }
  };
  visit(language, '');
  t.ok(count > 60, `${count} keys were looked at`);
});

t.test('the published schema has no words that only we know', async (t) => {
  t.notMatch(renderSchema(), '"allowed"');
});

t.test('the keys that are suggested are the keys that exist', async (t) => {
  t.same(keysAt(['services', 'any', 'pools', 'any']).slice(0, 2), ['version', 'endpoints']);
  t.same(keysAt(['services', 'any', 'pools', 'any', 'endpoints', 0]), ['address', 'weight', 'resolve']);
  t.same(keysAt(['routes', 3, 'path']), ['exact', 'prefix', 'regex']);
  t.same(keysAt(['nowhere']), []);
});
