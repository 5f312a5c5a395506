/** Paths that mean the same are matched as the same. */

import t from 'tap';
import { normalisePath } from '../../../src/http1/path.ts';

t.test('a path that is normal already is the same string', async (t) => {
  for (const path of ['/', '/a', '/a/b/', '/a.b/c..d', '/a-b_c~d', '/a;b=c,d/$&', '/a.', '*']) {
    t.same(normalisePath(path), { path, changed: false }, path);
  }
});

t.test('a path is normalised without regard to who wrote it', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['/%61%2D%7e', '/a-~'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%20%c3%a4', '/a%20%C3%A4'],
    ['/a//b///c', '/a/b/c'],
    ['//evil/x', '/evil/x'],
    ['/a/./b/.', '/a/b/'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/..', '/'],
    ['/../../a', '/a'],
    ['/..', '/'],
    ['/.', '/'],
    ['//', '/'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a\\..\\b', '/b'],
    ['/a%5cb', '/a%5Cb'],
    ['/a/.../b', '/a/.../b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a//../b', '/b'],
  ];
  for (const [raw, path] of rows) t.same(normalisePath(raw), { path, changed: path !== raw }, raw);
});

t.test('normalising twice is normalising once', async (t) => {
  for (const raw of ['/a//b/%2e%2e/c\\d', '/%7ea/./', '/..//x%2f', '/%25%32%65']) {
    const once = normalisePath(raw)!.path;
    t.equal(normalisePath(once)!.path, once, raw);
  }
});

t.test('what cannot be decoded has no normal form', async (t) => {
  for (const raw of ['/%', '/%2', '/%zz', '/a%2g', '/%00', '/a%0', 'a', '', '*a', 'http://a/'])
    t.equal(normalisePath(raw), null, raw);
});
