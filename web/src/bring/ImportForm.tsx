import { Anchor, Button, FileInput, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { environmentsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { ImportOutcome } from "../api/types";
import { m } from "../messages";
import { Form } from "../pieces/Form";
import { Notice, NoticeBox } from "../pieces/Notice";
import classes from "./Bring.module.css";
import { Report } from "./Report";

const words = m.bring;
type Format = keyof typeof words.formats;

/** Says what a document would bring, and then brings it. */
export function ImportForm() {
  const environments = useQuery(environmentsQuery).data?.items ?? [];
  const [format, setFormat] = useState<Format>("flagd");
  const [environment, setEnvironment] = useState("sandbox");
  const [from, setFrom] = useState("");
  const [document, setDocument] = useState<File | null>(null);
  const [map, setMap] = useState<File | null>(null);
  const send = useMutation({
    mutationFn: async (look: boolean) =>
      unwrap(
        api.POST("/api/v1/imports", {
          body: {
            format,
            environment,
            from: from.trim() || undefined,
            document: (await document?.text()) ?? "",
            map: await map?.text(),
            dry_run: look || undefined,
          },
        }),
      ),
    onSuccess: (_, look) => (look ? undefined : queries.invalidateQueries()),
  });
  const seen = send.data;
  const flags = seen ? (seen.plan.counts.create ?? 0) + (seen.plan.counts.update ?? 0) : 0;
  const anew =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      set(value);
      send.reset(); // what was seen was of something else
    };
  return (
    <Form label={words.importTitle} submit={() => send.mutate(true)}>
      <div className={classes.fields}>
        <Select
          label={words.format}
          data={Object.entries(words.formats).map(([value, label]) => ({ value, label }))}
          value={format}
          allowDeselect={false}
          onChange={anew((value) => setFormat((value ?? "flagd") as Format))}
        />
        <Select
          label={words.into}
          data={environments.map((one) => one.name)}
          value={environment}
          allowDeselect={false}
          onChange={anew((value) => setEnvironment(value ?? "sandbox"))}
        />
        <TextInput
          label={words.from}
          description={words.fromHelp}
          value={from}
          onChange={(event) => anew(setFrom)(event.currentTarget.value)}
        />
      </div>
      <div className={classes.fields}>
        <FileInput
          label={words.document}
          description={words.documentHelp}
          value={document}
          placeholder={words.file}
          clearable
          onChange={anew(setDocument)}
        />
        <FileInput
          label={words.map}
          description={words.mapHelp}
          value={map}
          placeholder={words.file}
          clearable
          onChange={anew(setMap)}
        />
      </div>
      <div className={classes.acts}>
        <Button
          type="submit"
          variant={seen ? "default" : "filled"}
          loading={send.isPending}
          disabled={!document}
        >
          {words.look}
        </Button>
        {seen?.dry_run && flags > 0 && (
          <Button onClick={() => send.mutate(false)} loading={send.isPending}>
            {words.act(flags)}
          </Button>
        )}
      </div>
      {send.error && <Notice problem={send.error} />}
      {seen && <Seen done={seen} flags={flags} />}
    </Form>
  );
}

function Seen({ done, flags }: { done: ImportOutcome; flags: number }) {
  const { plan, request } = done;
  const refused = [...plan.evaluators, ...plan.flags].filter((step) => step.action === "refuse");
  const acted = !done.dry_run && flags > 0;
  return (
    <>
      <NoticeBox
        tone={acted && !request ? "on" : "info"}
        title={request ? words.asked : acted ? words.done(plan.environment) : words.counted(plan.counts)}
        actions={
          acted && (
            <Anchor component={Link} to={request ? `/requests/${request.id}` : "/flags?sort=created"}>
              {request ? words.openRequest : words.seeFlags}
            </Anchor>
          )
        }
      >
        <p>{acted ? words.counted(plan.counts) : flags === 0 && words.nothing}</p>
      </NoticeBox>
      {refused.length > 0 && (
        <NoticeBox tone="warn" title={words.refused}>
          <Report label={words.refused} items={refused} />
        </NoticeBox>
      )}
      {plan.gaps.length > 0 && (
        <NoticeBox tone="warn" title={words.report}>
          <Report label={words.report} items={plan.gaps} />
        </NoticeBox>
      )}
    </>
  );
}
