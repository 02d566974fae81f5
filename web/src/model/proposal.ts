import type { components } from "../api/schema";

type Proposal = components["schemas"]["Proposal"];

/** What somebody may do with a proposal. */
export interface Part {
  /** They asked for it. */
  own: boolean;
  /** Another administrator wants to take that from them. */
  concerned: boolean;
  confirm: boolean;
  withdraw: boolean;
  object: boolean;
}

/** The part of a person in a proposal: whom it removes neither confirms nor withdraws it, and objects once. */
export function partOf(proposal: Proposal, self: { id: string; can: readonly string[] }): Part {
  const own = proposal.by_id === self.id;
  const removed = proposal.removes?.find((one) => one.id === self.id);
  const concerned = !own && removed !== undefined;
  const governs = self.can.includes("govern.write");
  return {
    own,
    concerned,
    confirm: governs && !own && !concerned,
    withdraw: governs && !concerned,
    object: concerned && !removed?.objected_at && self.can.includes("proposal.object"),
  };
}
