import { Button, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { environmentsQuery } from "../api/calls";
import { api, newKey, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { SDKKey } from "../api/types";
import { m } from "../messages";
import { byField } from "../model/findings";
import { endOfDay } from "../model/period";
import { originsOf, wrongOrigin } from "../model/secrets";
import { Field } from "../pieces/Field";
import { findingsIn } from "../pieces/Findings";
import { Form, Pair } from "../pieces/Form";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./Admin.module.css";
import { AppInput } from "./AppInput";

interface Props {
  /** The app that the key is for, where that is given. */
  app?: string;
  close: () => void;
  made: (key: SDKKey & { secret: string }) => void;
}

/** Makes an SDK key. */
export function KeyForm({ app: given, close, made }: Props) {
  const words = m.secrets;
  const everywhere = useSelf().can.includes("key.make");
  const environments = (useQuery(environmentsQuery).data?.items ?? []).filter(
    (one) => everywhere || !one.governed,
  );
  const [name, setName] = useState("");
  const [environment, setEnvironment] = useState<string | null>(null);
  const [app, setApp] = useState(given ?? "");
  const [client, setClient] = useState(false);
  const [origins, setOrigins] = useState("");
  const [days, setDays] = useState("never");
  const [asked, setAsked] = useState(false);
  const [key] = useState(newKey);
  const where = environment ?? environments.at(-1)?.name ?? "";
  const list = originsOf(origins);
  const bad = list.map((one) => ({ one, wrong: wrongOrigin(one) })).find(({ wrong }) => wrong);
  const wrongOrigins = !client
    ? undefined
    : list.length === 0
      ? words.keys.noOrigins
      : bad?.wrong
        ? words.keys.wrongOrigin[bad.wrong](bad.one)
        : undefined;
  const make = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/sdk-keys", {
          body: {
            name: name.trim(),
            environment: where,
            app: app || undefined,
            client_side: client,
            origins: client ? list : undefined,
            expires_at: days === "never" ? undefined : endOfDay(new Date(), Number(days)).toISOString(),
          },
          headers: { "Idempotency-Key": key },
        }),
      ),
    onSuccess: (answer) => {
      made(answer);
      return queries.invalidateQueries({ queryKey: ["sdk-keys"] });
    },
  });
  const findings = byField(findingsIn(make.error));
  function send() {
    setAsked(true);
    if (name.trim() && !wrongOrigins && !make.isPending) make.mutate();
  }
  return (
    <Panel title={words.keys.make}>
      <Form label={words.keys.make} submit={send}>
        <div className={classes.fields}>
          {!everywhere && <NoticeBox tone="info" title={words.keys.limited} />}
          {make.error && findings.size === 0 && <Notice problem={make.error} />}
          <Field name="name" label={words.name} help={words.nameHint} required findings={findings}>
            {(common) => (
              <TextInput
                {...common}
                autoFocus
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                error={asked && !name.trim() ? words.emptyName : common.error}
              />
            )}
          </Field>
          <Pair>
            <Field name="environment" label={words.keys.environment} findings={findings}>
              {(common) => (
                <Select
                  {...common}
                  data={environments.map((one) => one.name)}
                  value={where}
                  onChange={setEnvironment}
                />
              )}
            </Field>
            <Field name="expires_at" label={words.expiry} findings={findings}>
              {(common) => (
                <Select
                  {...common}
                  data={Object.entries(words.expiries).map(([value, label]) => ({ value, label }))}
                  value={days}
                  onChange={(value) => setDays(value ?? "never")}
                />
              )}
            </Field>
          </Pair>
          {given === undefined && (
            <Field name="app" label={words.keys.app} help={words.keys.appHint} findings={findings}>
              {(common) => <AppInput {...common} value={app} onChange={setApp} />}
            </Field>
          )}
          <Switch
            label={words.keys.client}
            description={words.keys.clientHint}
            checked={client}
            onChange={(event) => setClient(event.currentTarget.checked)}
          />
          {client && (
            <Field
              name="origins"
              label={words.keys.origins}
              help={words.keys.originsHint}
              findings={findings}
            >
              {(common) => (
                <Textarea
                  {...common}
                  autosize
                  minRows={2}
                  value={origins}
                  onChange={(event) => setOrigins(event.currentTarget.value)}
                  error={asked && wrongOrigins ? wrongOrigins : common.error}
                />
              )}
            </Field>
          )}
          <div className={classes.row}>
            <Button type="submit" loading={make.isPending}>
              {words.keys.make}
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
