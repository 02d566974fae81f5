import { Problem } from "../api/client";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";

/** Why one was not let in, in words that tell nobody whether there is such a person. */
export function Refused({ problem }: { problem: unknown }) {
  const words = m.entry.signIn;
  if (problem instanceof Problem && problem.code === "wrong_password") {
    return (
      <NoticeBox tone="danger" title={words.wrong}>
        <p>{words.wrongFix}</p>
      </NoticeBox>
    );
  }
  if (problem instanceof Problem && problem.status === 429) {
    return (
      <NoticeBox tone="danger" title={words.tooMany}>
        <p>{words.tooManyFix(problem.retryAfter)}</p>
      </NoticeBox>
    );
  }
  return <Notice problem={problem} />;
}
