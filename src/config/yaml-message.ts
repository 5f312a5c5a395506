/**
 * What is said about text that is not YAML.
 *
 * The library's own messages quote tokens of the text, and a token may be a secret; so its codes are translated here,
 * in one table, into sentences that say what to do.
 */

import type { ErrorCode } from 'yaml';

const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias cannot have a tag or an anchor',
  BAD_ALIAS: 'an alias must be * and a name, as in *defaults',
  BAD_DIRECTIVE: 'a line that begins with % is a YAML directive, and this one is not known',
  BAD_DQ_ESCAPE: 'this backslash is no escape of double quotes; use single quotes to write it as it is',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket is not closed',
  BAD_PROP_ORDER: 'tags and anchors must come after the indicator',
  BAD_SCALAR_START: 'a text cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a value cannot begin here: two keys on one line, or a text with a colon that needs quotes',
  BLOCK_IN_FLOW: 'indented YAML cannot stand inside { } or [ ]',
  DUPLICATE_KEY: 'the same key is there twice',
  IMPOSSIBLE: 'this cannot be read as YAML',
  KEY_OVER_1024_CHARS: 'a key is at most 1024 characters long',
  MISSING_CHAR: 'a character is missing here: a colon after a key, a comma, a closing quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'a key must end on its line; a colon or quotes may be missing',
  MULTIPLE_ANCHORS: 'a value can have one anchor only',
  MULTIPLE_DOCS: 'a second YAML document begins here; a config is one document',
  MULTIPLE_TAGS: 'a value can have one tag only',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot be used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'tags such as !name are not used in a config',
  UNEXPECTED_TOKEN: 'this does not belong here: a quote, a bracket or a word too many',
  BAD_COLLECTION_TYPE: 'this tag does not fit its value',
};

/** The sentence for an error of the YAML library. */
export function yamlMessage(code: ErrorCode): string {
  return MESSAGES[code];
}
