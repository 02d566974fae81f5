import { Button, NumberInput, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { groupsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Completion, Incomplete } from "../api/types";
import { m } from "../messages";
import { Form } from "../pieces/Form";
import { Notice } from "../pieces/Notice";
import classes from "./Bring.module.css";

const words = m.bring;

/** Gives the chosen flags what they lack: at once, or as one request where others approve. */
export function CompleteForm({
  chosen,
  done,
}: {
  chosen: Incomplete[];
  done: (outcome: Completion) => void;
}) {
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const [owner, setOwner] = useState<string | null>(null);
  const [contact, setContact] = useState("");
  const [days, setDays] = useState<number | string>("");
  const [off, setOff] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [first, ...others] = chosen;
  const variants = (first?.variants ?? []).filter((name) =>
    others.every((flag) => flag.variants.includes(name)),
  );
  const give = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/insight/compliance", {
          body: {
            flags: chosen.map(({ key }) => ({
              key,
              owner: owner ?? undefined,
              contact: contact.trim() || undefined,
              ttl_days: typeof days === "number" ? days : undefined,
              off_variant: off ?? undefined,
            })),
            reason: reason.trim() || undefined,
          },
        }),
      ),
    onSuccess: (outcome) => {
      done(outcome);
      return queries.invalidateQueries();
    },
  });
  const said = owner !== null || contact.trim() !== "" || typeof days === "number" || off !== null;
  return (
    <Form label={words.give} submit={() => give.mutate()}>
      <p className={classes.words} aria-live="polite">
        {words.giveWords(chosen.length)}
      </p>
      <div className={classes.fields}>
        <Select
          label={words.ownerLabel}
          description={words.ownerHelp}
          searchable
          clearable
          data={groups.map((group) => group.name)}
          value={owner}
          onChange={setOwner}
        />
        <TextInput
          label={words.contactLabel}
          description={words.contactHelp}
          value={contact}
          onChange={(event) => setContact(event.currentTarget.value)}
        />
        <NumberInput
          label={words.ttlLabel}
          description={words.ttlHelp}
          min={1}
          max={3650}
          allowDecimal={false}
          value={days}
          onChange={setDays}
        />
        {variants.length > 0 && (
          <Select
            label={words.offLabel}
            description={words.offHelp}
            clearable
            data={variants}
            value={off}
            onChange={setOff}
          />
        )}
        <TextInput
          label={words.reasonLabel}
          description={words.reasonHelp}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </div>
      <div className={classes.acts}>
        <Button type="submit" loading={give.isPending} disabled={chosen.length === 0 || !said}>
          {words.save(chosen.length)}
        </Button>
      </div>
      {give.error && <Notice problem={give.error} />}
    </Form>
  );
}
