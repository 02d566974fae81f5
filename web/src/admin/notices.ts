import type { Finding } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";

/** The line of the source that a finding is about; 0 if it names none. */
export const lineOf = (finding: Finding): number => Number(/\d+$/.exec(finding.file ?? "")?.[0] ?? 0);

/** What of a policy nobody hears, what it reads that no request has, and where Souk is stricter than conftest, a sentence each. */
export const noticesOf = (findings: Finding[] | undefined): string[] =>
  (findings ?? []).map((finding) =>
    m.recipes.policies.notice(
      lineOf(finding),
      [finding.message, finding.remediation ?? ""].map(sentence).filter(Boolean).join(" "),
    ),
  );
