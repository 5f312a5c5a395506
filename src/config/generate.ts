/**
 * Writes the files that are made from the language: `npm run generate`. They are kept in the repository, because
 * editors and readers need them without running anything, and a test fails when they are stale.
 */

import { writeFile } from 'node:fs/promises';
import { renderPage, renderSchema } from './reference.ts';

const root = new URL('../../', import.meta.url);
await writeFile(new URL('config/schema.json', root), renderSchema());
await writeFile(new URL('docs/configuration.md', root), renderPage());
