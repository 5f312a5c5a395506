/** The plain messages that the cases are variations of. */

/** A request line and Host with these field lines, each with its CRLF, and this body. */
export function request(line: string, fields = '', body = ''): string {
  return `${line} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n${body}`;
}

/** A request that everybody forwards. */
export const get = request('GET /next');

/** A request that must never be taken for one: it stands in places where only a misread length would show it. */
export const smuggled = request('GET /smuggled');

/** A POST with these field lines and this body. */
export const post = (fields: string, body = ''): string => request('POST /f', fields, body);

/** A POST whose chunked body is these bytes, with something smuggled behind it. */
export const chunkedPost = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);

/** A chunked body of `hello`. */
export const helloChunks = '5\r\nhello\r\n0\r\n\r\n';

/** A 200 with these field lines and this body. */
export const ok = (fields: string, body = 'ok'): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;

/** A whole 200 of two bytes. */
export const wholeOk = ok('Content-Length: 2\r\n');
