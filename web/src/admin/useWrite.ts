import { useState } from "react";
import { queries } from "../api/queries";
import { proposalIn } from "./writes";

type Done<T> = Exclude<T, { proposal: unknown }>;

/**
 * Writes that a second administrator may have to confirm: run gives the answer when the change took effect, and null when it
 * was proposed instead, which proposed then tells.
 */
export function useWrite() {
  const [proposed, setProposed] = useState("");
  async function run<T>(writing: Promise<T>): Promise<Done<T> | null> {
    setProposed("");
    const answer = await writing;
    const proposal = proposalIn(answer);
    await queries.invalidateQueries();
    if (!proposal) return answer as Done<T>;
    setProposed(proposal.words);
    return null;
  }
  return { proposed, run };
}
