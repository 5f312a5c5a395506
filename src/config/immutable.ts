/**
 * What the schema gives is plain and could be written to; a config that was accepted must not be. This makes it readable only, in
 * the types, at every depth.
 */

/** `T` readable only at every depth; a mapping by name becomes a `ReadonlyMap`. */
export type Immutable<T> =
  T extends Map<infer K, infer V>
    ? ReadonlyMap<K, Immutable<V>>
    : T extends readonly (infer E)[]
      ? readonly Immutable<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Immutable<T[K]> }
        : T;
