import { Button, NumberInput, Radio, Switch, TextInput } from "@mantine/core";
import { useState } from "react";
import { environmentsQuery } from "../api/calls";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Environment } from "../api/types";
import { m } from "../messages";
import { Field } from "../pieces/Field";
import { Form, SaveBar } from "../pieces/Form";
import { NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import classes from "./Admin.module.css";
import { Proposed } from "./Proposed";
import { useWrite } from "./useWrite";

const tiers = ["sandbox", "test", "production"] as const;

interface Props {
  environment: Environment;
  /** Told the name of what was made, or nothing. */
  close: (name: string | null) => void;
}

type Settings = Pick<Environment, "position" | "tier" | "governed">;

/** An environment whose revision is that of its settings: the other one grows with every flag. */
const settled = (environment: Environment): Environment => ({
  ...environment,
  revision: environment.version,
});

const settings = ({ position, tier, governed }: Environment): Settings => ({ position, tier, governed });

/** One environment, and what a change of it means. */
export function EnvironmentForm({ environment, close }: Props) {
  const words = m.admin.environments;
  const make = environment.revision === 0;
  const { proposed, run } = useWrite();
  const [name, setName] = useState("");
  const reread = async () => {
    const list = await queries.fetchQuery({ ...environmentsQuery, staleTime: 0 });
    return settled(list.items.find((one) => one.name === environment.name) ?? environment);
  };
  const edit = useEdit({
    read: settled(environment),
    pick: settings,
    save: async (value, revision) => {
      const answer = await run(
        unwrap(
          api.PUT("/api/v1/environments/{name}", {
            params: { path: { name: make ? name.trim() : environment.name }, header: over(revision) },
            body: value,
          }),
        ),
      );
      return answer ? settled(answer) : reread();
    },
    reread,
    saved: (saved) => {
      if (make) close(saved.name);
    },
  });
  const { value, set, findings } = edit;
  const called = make ? name : environment.name;
  return (
    <Panel
      title={make ? words.make : environment.name}
      aside={
        <Button size="xs" variant="default" onClick={() => close(null)}>
          {m.close}
        </Button>
      }
    >
      {proposed && <Proposed words={proposed} />}
      <Form label={words.title} submit={edit.save}>
        <div className={classes.fields}>
          {make && (
            <Field name="name" label={words.name} help={words.nameHint} findings={findings}>
              {(common) => (
                <TextInput
                  {...common}
                  autoFocus
                  value={name}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
              )}
            </Field>
          )}
          <Field name="position" label={words.position} findings={findings}>
            {(common) => (
              <NumberInput
                {...common}
                value={value.position}
                onChange={(next) => set({ ...value, position: Number(next) || 0 })}
                allowDecimal={false}
                min={0}
                max={1000}
                maw={140}
              />
            )}
          </Field>
          <Radio.Group
            label={words.tier}
            value={value.tier}
            onChange={(next) => set({ ...value, tier: tiers.find((one) => one === next) ?? "test" })}
          >
            <div className={classes.stack} style={{ gap: 10, marginTop: 8 }}>
              {tiers.map((tier) => (
                <Radio key={tier} value={tier} label={words.tiers[tier]} description={words.tierHint[tier]} />
              ))}
            </div>
          </Radio.Group>
          <Switch
            label={words.governed}
            description={words.governedHint}
            checked={value.governed}
            onChange={(event) => set({ ...value, governed: event.currentTarget.checked })}
          />
          <Consequences name={called || "…"} before={make ? null : settings(environment)} after={value} />
          <SaveBar edit={edit} always={make} saveLabel={make ? words.create : undefined} />
        </div>
      </Form>
    </Panel>
  );
}

/** What the settings mean, and what changes when they are saved. */
function Consequences({ name, before, after }: { name: string; before: Settings | null; after: Settings }) {
  const words = m.admin.environments;
  const said: string[] = [];
  if (!before || before.governed === after.governed)
    said.push(after.governed ? words.governedOn(name) : words.governedOff(name));
  else said.push(after.governed ? words.governedOnward(name) : words.ungovernedOnward(name));
  if (before && before.tier !== after.tier)
    said.push(words.tierOnward(words.tiers[before.tier], words.tiers[after.tier]));
  if (before && before.position !== after.position) said.push(words.orderOnward);
  const loosens = before?.governed && !after.governed;
  return (
    <NoticeBox tone={loosens ? "warn" : "info"} title={words.consequences}>
      {said.map((one) => (
        <p key={one}>{one}</p>
      ))}
    </NoticeBox>
  );
}
