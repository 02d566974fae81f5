import type { Content } from "../api/types";
import { m } from "../messages";
import { NoticeBox } from "../pieces/Notice";
import { StaleNotice } from "../pieces/StaleNotice";
import { contentOf } from "./serverDraft";
import type { RequestForm } from "./useRequestForm";

/** Says what somebody else made of a request while it was edited here; nothing when nobody did. */
export function Obstacle({ form }: { form: RequestForm }) {
  const { newer, content, goOn } = form;
  if (!newer) return null;
  if (!newer.can.includes("edit")) {
    const state = m.state.request[newer.state].toLowerCase();
    return <NoticeBox tone="danger" title={m.publish.stale.closed(state)} />;
  }
  const theirs: Content = contentOf(newer);
  return <StaleNotice theirs={theirs} yours={content} keep={() => goOn(content)} take={() => goOn(theirs)} />;
}
