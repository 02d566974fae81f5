import type { Content } from "../api/types";

/** A content as the server has it. */
export interface Kept {
  id: string;
  revision: number;
  content: Content;
  /** It is not submitted yet. */
  draft: boolean;
}

/** What somebody has typed so far and has not submitted. */
export interface Draft {
  content: Content;
  /** Paths that were typed into. */
  touched: string[];
  /** Whether the slug no longer follows the name. */
  ownSlug: boolean;
  savedAt: string;
  /** What it was typed over; absent while the server knows nothing of it. */
  base?: Kept;
}

/** Whether something is typed that the server does not have. */
export const isUnsaved = (draft: Draft): boolean =>
  !draft.base || JSON.stringify(draft.base.content) !== JSON.stringify(draft.content);

const name = (email: string, about: string) => `souk-draft:${email}:${about}`;

/** The draft that a person left behind in this browser, about a new app or a request. */
export function loadDraft(email: string, about: string): Draft | null {
  try {
    const draft: unknown = JSON.parse(localStorage.getItem(name(email, about)) ?? "null");
    return isDraft(draft) ? draft : null;
  } catch {
    return null; // storage may be forbidden, or hold what an older console wrote
  }
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const draft = value as Partial<Draft>;
  return (
    typeof draft.content === "object" && Array.isArray(draft.touched) && typeof draft.savedAt === "string"
  );
}

export function saveDraft(email: string, about: string, draft: Draft): void {
  try {
    localStorage.setItem(name(email, about), JSON.stringify(draft));
  } catch {
    // Full or forbidden storage: the form goes on without.
  }
}

export function dropDraft(email: string, about: string): void {
  try {
    localStorage.removeItem(name(email, about));
  } catch {
    // There is nothing to drop then.
  }
}
