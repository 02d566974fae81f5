import { Autocomplete, Button, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/calls";
import { api, newKey, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { oneOf } from "../model/address";
import { byField } from "../model/findings";
import { endOfDay } from "../model/period";
import { Field } from "../pieces/Field";
import { findingsIn } from "../pieces/Findings";
import { Form, Pair } from "../pieces/Form";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Secret } from "../pieces/Secret";
import { useFilters } from "../pieces/useFilters";
import { useSelf } from "../session/session";
import classes from "./Admin.module.css";

const address = { make: oneOf("token") };

const scopes = ["all", "read", "requests", "kill", "outcomes", "checks"] as const;

/** Makes an API token; administrators may make one for somebody else. The secret is shown once. */
export function TokenMaker({ others }: { others?: boolean }) {
  const { read, set } = useFilters(address);
  const open = read("make") === "token";
  const words = m.secrets;
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  return (
    <>
      {secret && (
        <Secret
          label={words.made(secret.name)}
          secret={secret.secret}
          words={words.madeWords}
          done={() => setSecret(null)}
        />
      )}
      {open ? (
        <MakeForm
          others={others}
          close={() => set("make", null)}
          made={(name, value) => {
            setSecret({ name, secret: value });
            set("make", null);
          }}
        />
      ) : (
        <div>
          <Button
            variant={others ? "default" : "filled"}
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => set("make", "token")}
          >
            {others ? words.tokens.makeFor : words.tokens.make}
          </Button>
        </div>
      )}
    </>
  );
}

interface FormProps {
  others?: boolean;
  close: () => void;
  made: (name: string, secret: string) => void;
}

function MakeForm({ others, close, made }: FormProps) {
  const self = useSelf();
  const words = m.secrets;
  const [name, setName] = useState("");
  const [scope, setScope] = useState<(typeof scopes)[number]>("all");
  const [days, setDays] = useState("90");
  const [as, setAs] = useState(others ? "" : self.email);
  const [asked, setAsked] = useState(false);
  const [q] = useDebouncedValue(as, 200);
  const people = useQuery({ ...peopleQuery(q), enabled: Boolean(others), placeholderData: keepPreviousData });
  const [key] = useState(newKey);
  const make = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/tokens", {
          body: {
            name: name.trim(),
            scope,
            as: as.trim() || undefined,
            expires_at: days === "never" ? undefined : endOfDay(new Date(), Number(days)).toISOString(),
          },
          headers: { "Idempotency-Key": key },
        }),
      ),
    onSuccess: (token) => {
      made(token.name, token.secret);
      return queries.invalidateQueries({ queryKey: ["tokens"] });
    },
  });
  const findings = byField(findingsIn(make.error));
  function send() {
    setAsked(true);
    if (name.trim() && !make.isPending) make.mutate();
  }
  return (
    <Panel title={others ? words.tokens.makeFor : words.tokens.make}>
      <Form label={words.tokens.make} submit={send}>
        <div className={classes.fields}>
          {make.error && findings.size === 0 && <Notice problem={make.error} />}
          {others && (
            <Field name="as" label={words.as} help={words.tokens.forHint} findings={findings}>
              {(common) => (
                <Autocomplete
                  {...common}
                  data={(people.data?.items ?? []).map((person) => person.email)}
                  value={as}
                  onChange={setAs}
                  limit={8}
                  autoFocus
                />
              )}
            </Field>
          )}
          <Field name="name" label={words.name} help={words.nameHint} required findings={findings}>
            {(common) => (
              <TextInput
                {...common}
                autoFocus={!others}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                error={asked && !name.trim() ? words.emptyName : common.error}
              />
            )}
          </Field>
          <Pair>
            <Field name="scope" label={words.scope} findings={findings}>
              {(common) => (
                <Select
                  {...common}
                  data={scopes.map((value) => ({ value, label: words.scopes[value] ?? value }))}
                  value={scope}
                  onChange={(value) => setScope(scopes.find((one) => one === value) ?? "all")}
                />
              )}
            </Field>
            <Field name="expires_at" label={words.expiry} findings={findings}>
              {(common) => (
                <Select
                  {...common}
                  data={Object.entries(words.expiries).map(([value, label]) => ({ value, label }))}
                  value={days}
                  onChange={(value) => setDays(value ?? "90")}
                />
              )}
            </Field>
          </Pair>
          <div className={classes.row}>
            <Button type="submit" loading={make.isPending}>
              {words.tokens.make}
            </Button>
            <Button variant="default" onClick={close}>
              {m.cancel}
            </Button>
          </div>
        </div>
      </Form>
    </Panel>
  );
}
