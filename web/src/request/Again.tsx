import { Button } from "@mantine/core";
import type { Request } from "../api/types";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { useResubmit } from "./useRequest";

/** Why a request is not judged by what is so now, and the way to have it judged anew. */
export function Again({ request }: { request: Request }) {
  const again = useResubmit(request);
  const words = m.request.again;
  const says = request.base_changed ? words.baseChanged : words.stricter;
  if (!request.base_changed && !request.stricter) return null;
  // What names the revision that it changes is read again by whoever edits it.
  const whole = !request.base_changed || !request.base_revision;
  return (
    <NoticeBox
      tone="warn"
      title={says.title}
      actions={
        whole &&
        request.can.includes("resubmit") && (
          <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate()}>
            {words.send}
          </Button>
        )
      }
    >
      <p>{whole ? says.words : words.edit}</p>
      {again.error && <Notice problem={again.error} />}
    </NoticeBox>
  );
}
