// The log is a Merkle tree as RFC 9162 describes it (SHA-256, a leaf prefixed with 0, a node with 1). What the server proves is
// checked here, so that one need not believe it.

type Hash = Uint8Array;

const fromBase64 = (text: string): Hash => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

async function hashOf(prefix: number, ...parts: Hash[]): Promise<Hash> {
  const bytes = new Uint8Array(1 + parts.reduce((sum, part) => sum + part.length, 0));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const node = (left: Hash, right: Hash) => hashOf(1, left, right);
const same = (a: Hash, b: Hash) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** A value in the one form that has a hash (RFC 8785). */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

interface Inclusion {
  event: unknown;
  leaf: number;
  hashes: string[];
  checkpoint: { checkpoint: string; size: number };
}

/** The root that a checkpoint signs: its third line. */
export const rootOf = (checkpoint: string): string => checkpoint.split("\n")[2] ?? "";

/** Whether an event really is the leaf of the signed tree that a proof says it is (RFC 9162, 2.1.3.2). */
export async function included({ event, leaf, hashes, checkpoint }: Inclusion): Promise<boolean> {
  if (leaf < 0 || leaf >= checkpoint.size) return false;
  let [at, last] = [leaf, checkpoint.size - 1];
  let hash = await hashOf(0, new TextEncoder().encode(canonical(event)));
  for (const text of hashes) {
    if (last === 0) return false;
    const beside = fromBase64(text);
    if (at % 2 === 1 || at === last) {
      hash = await node(beside, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else hash = await node(hash, beside);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(hash, fromBase64(rootOf(checkpoint.checkpoint)));
}

interface Growth {
  from: number;
  to: number;
  from_root: string;
  to_root: string;
  hashes: string[];
}

/** Whether a log of to leaves begins with the very log of from leaves (RFC 9162, 2.1.4.2). */
export async function onlyGrew(proof: Growth): Promise<boolean> {
  const [before, after] = [fromBase64(proof.from_root), fromBase64(proof.to_root)];
  if (proof.from === proof.to) return proof.hashes.length === 0 && same(before, after);
  if (proof.from < 1 || proof.from > proof.to) return false;
  const path = proof.hashes.map(fromBase64);
  if (isPowerOfTwo(proof.from)) path.unshift(before);
  const first = path.shift();
  if (!first) return false;
  let [at, last] = [proof.from - 1, proof.to - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [old, grown] = [first, first];
  for (const beside of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      old = await node(beside, old);
      grown = await node(beside, grown);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else grown = await node(grown, beside);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(old, before) && same(grown, after);
}

const half = (n: number) => Math.floor(n / 2);
const isPowerOfTwo = (n: number) => Number.isInteger(Math.log2(n));
