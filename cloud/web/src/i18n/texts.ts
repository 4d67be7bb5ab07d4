import type { zh } from "./zh";

/** The shape every language has: the keys of the Chinese texts. */
export type Texts = typeof zh;
