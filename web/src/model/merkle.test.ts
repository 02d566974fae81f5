import { expect, test } from "vitest";
import { canonical, included, onlyGrew } from "./merkle";

// An answer of a server, as it came.
const proof = {
  event: {
    actor: "ada@hyfin.example",
    credential: {
      id: "01a20981-917d-71bf-948a-1e258fd6f47e",
      kind: "session",
    },
    event: "person.signed_in",
    id: "01a20981-917f-708c-96e6-6fa9396cb9f4",
    subject: "person:ada@hyfin.example",
    timestamp: "2026-11-23T17:43:36.062967Z",
  },
  leaf: 101,
  leaf_hash: "IlphQK7LTcgHpEtgEhVXnWIVllv9MVT+vRqt5BK2DSI=",
  hashes: [
    "TYSEYqZC1AepdolbVHZJtNNsfKjlxdcho4WK3BXWlVU=",
    "UE1OyIpzzSkQQO2sgSwHrW9h3xrxyvfKnbJ7NKcXqpA=",
    "sR2BZkPI8v18UCtguN3jziJ01p0vQHTQipeIZDTgREI=",
    "e8E9F8L2vGnnfBp1QrbV7Xugn6TksmKEdu5bmqaqXSg=",
  ],
  checkpoint: {
    checkpoint:
      "souk/163d02d74e5e\n102\noFTyjUslPbh0LcVzxxdwHDsXwkIt0ILIM8WeuyYBLXE=\n\n\u2014 souk/163d02d74e5e yyTuRvL+TrqpbATm76P70xSO0xyYnKl/1iwWZnENsALFgUX4+iYNnTNFAmLQSfSmhGA7g9+ND2K7fokxexTBQP4RNgw=\n",
    size: 102,
    keys: ["souk/163d02d74e5e+cb24ee46+Aabqv5pgmii3ocW9iyJoO33zYrKDW3f/uYV0+YWxzqNg"],
    at: "2026-11-23T17:43:36.747861874Z",
  },
};

test("an event is found in the tree that its checkpoint signs", async () => {
  expect(await included(proof)).toBe(true);
});

test("an event that was changed, moved or proven by less is not", async () => {
  expect(await included({ ...proof, event: { ...proof.event, actor: "eve@hyfin.example" } })).toBe(false);
  expect(await included({ ...proof, leaf: proof.leaf - 1 })).toBe(false);
  expect(await included({ ...proof, leaf: 4000 })).toBe(false);
  expect(await included({ ...proof, hashes: proof.hashes.slice(1) })).toBe(false);
  expect(await included({ ...proof, hashes: [...proof.hashes, proof.hashes[0] ?? ""] })).toBe(false);
});

test("a value has one form, whatever the order it came in", () => {
  expect(canonical({ b: [1.0, "é\n", null], a: { "\u20ac": true, "\r": false } })).toBe(
    '{"a":{"\\r":false,"€":true},"b":[1,"é\\n",null]}',
  );
});

// Trees of small logs, computed here the way the RFC defines them, by recursion.
const bytes = (hex: number[]) => Uint8Array.from(hex);
async function sha(...parts: Uint8Array[]): Promise<Uint8Array> {
  const all = Uint8Array.from(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}
const split = (n: number) => 2 ** Math.ceil(Math.log2(n) - 1);
async function root(leaves: number[]): Promise<Uint8Array> {
  if (leaves.length === 1) return sha(bytes([0]), bytes(leaves));
  const k = split(leaves.length);
  return sha(bytes([1]), await root(leaves.slice(0, k)), await root(leaves.slice(k)));
}
async function path(m: number, leaves: number[], whole: boolean): Promise<Uint8Array[]> {
  if (m === leaves.length) return whole ? [] : [await root(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...(await path(m, leaves.slice(0, k), whole)), await root(leaves.slice(k))]
    : [...(await path(m - k, leaves.slice(k), false)), await root(leaves.slice(0, k))];
}
const text = (hash: Uint8Array) => btoa(String.fromCharCode(...hash));

test("a log that only grew is told from one that was rewritten, at every size up to 20", async () => {
  for (let to = 1; to <= 20; to++) {
    const leaves = Array.from({ length: to }, (_, i) => i);
    for (let from = 1; from <= to; from++) {
      const hashes = from === to ? [] : (await path(from, leaves, true)).map(text);
      const grown = {
        from,
        to,
        from_root: text(await root(leaves.slice(0, from))),
        to_root: text(await root(leaves)),
        hashes,
      };
      expect(await onlyGrew(grown), `${from} to ${to}`).toBe(true);
      const rewritten = text(await root([99, ...leaves.slice(1, from)]));
      expect(await onlyGrew({ ...grown, from_root: rewritten }), `${from} to ${to}, rewritten`).toBe(false);
    }
  }
});
