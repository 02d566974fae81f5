import { Button } from "@mantine/core";
import { useState } from "react";
import { m } from "../messages";
import classes from "./KeptLine.module.css";
import type { RequestForm } from "./useRequestForm";

/** One line that says where the draft stands, and the way to throw it away. */
export function KeptLine({ form, gone }: { form: RequestForm; gone: () => void }) {
  const [asking, setAsking] = useState(false);
  const words = m.publish.draft;
  if (form.keeping === "none") return null;
  return (
    <div className={classes.line}>
      <span role="status">{words[form.keeping]}</span>
      {asking ? (
        <>
          <Button size="compact-sm" color="red" onClick={() => form.discard().then(gone)}>
            {words.discardConfirm}
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => setAsking(false)}>
            {words.keep}
          </Button>
        </>
      ) : (
        <Button size="compact-sm" variant="subtle" onClick={() => setAsking(true)}>
          {words.discard}
        </Button>
      )}
    </div>
  );
}
