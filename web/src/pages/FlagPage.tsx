import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { environmentsQuery, flagQuery } from "../api/calls";
import type { Environment, Flag } from "../api/types";
import { Ask, useAsked } from "../flag/Ask";
import { Environments } from "../flag/Environments";
import { HistoryPanel } from "../flag/HistoryPanel";
import { ImportPanel } from "../flag/ImportPanel";
import { KillZone } from "../flag/KillZone";
import { LifePanel } from "../flag/LifePanel";
import { OutgrownNotices } from "../flag/OutgrownNotices";
import { RolloutPanel } from "../flag/RolloutPanel";
import { TagsPanel } from "../flag/TagsPanel";
import { TryPanel } from "../flag/TryPanel";
import { UsagePanel } from "../flag/UsagePanel";
import { m } from "../messages";
import { Code, inJson } from "../pieces/Code";
import { Facts } from "../pieces/Facts";
import { Under } from "../pieces/Listing";
import { Loading } from "../pieces/Loading";
import { MissingScreen } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { When } from "../pieces/When";
import classes from "./RequestPage.module.css";

/** A flag: what it does where, the big switch, its rollout, its life and its history. */
export function Component() {
  const { key = "" } = useParams();
  const flag = useQuery(flagQuery(key));
  const environments = useQuery(environmentsQuery);
  const problem = (!flag.data && flag.error) || (!environments.data && environments.error);
  if (flag.data && environments.data) return <Screen flag={flag.data} known={environments.data.items} />;
  return problem ? (
    <MissingScreen problem={problem} retry={() => Promise.all([flag.refetch(), environments.refetch()])} />
  ) : (
    <Loading panels={[92, 220, 320]} />
  );
}

function Screen({ flag, known }: { flag: Flag; known: Environment[] }) {
  const production = known.find((one) => one.tier === "production");
  const state = flag.environments.find((one) => one.environment === production?.name);
  const asked = useAsked();
  if (asked) {
    return (
      <Page
        title={m.life.ofFlag(m.life.act[asked], flag.key)}
        above={<Link to={`/flags/${encodeURIComponent(flag.key)}`}>{flag.key}</Link>}
      >
        <Ask key={asked} kind={asked} flag={flag} />
      </Page>
    );
  }
  return (
    <Page
      title={flag.key}
      above={
        flag.app ? (
          <Link to={`/flags?app=${encodeURIComponent(flag.app)}`}>{flag.app}</Link>
        ) : (
          <Link to="/flags">{m.flag.listTitle}</Link>
        )
      }
      words={
        flag.imported ? m.flag.imported.words : flag.description || m.flag.words(flag.app, flag.audience)
      }
    >
      <OutgrownNotices flag={flag} />
      {state && <KillZone flag={flag} state={state} governed={production?.governed ?? true} />}
      <div className={classes.columns}>
        <div className={classes.main}>
          {(flag.imported || flag.gaps.length > 0) && <ImportPanel flag={flag} />}
          <RolloutPanel flag={flag.key} rollouts={flag.rollouts} />
          <Environments flag={flag} known={known} />
          <UsagePanel flag={flag} known={known} usual={production?.name} />
          <TryPanel flag={flag} known={known} />
          <HistoryPanel flag={flag} environments={known} />
        </div>
        <div className={classes.aside} data-after>
          <LifePanel flag={flag} />
          <About flag={flag} />
          <TagsPanel flag={flag} />
          <AskYourself flag={flag} environment={production?.name ?? ""} />
        </div>
      </div>
    </Page>
  );
}

function About({ flag }: { flag: Flag }) {
  const words = m.flag.facts;
  return (
    <Panel title={m.flag.about}>
      <Facts
        rows={[
          [words.name, flag.name],
          [words.owner, ownerOf(flag)],
          [words.contact, flag.contact || m.flag.none],
          ...(flag.imported ? [] : made(flag)),
          ...flag.audiences.map((one): [string, string] => [one.title, m.flag.audienceSize.people(one)]),
          [words.off, flag.off || m.flag.imported.offNone],
          [words.values, Object.keys(flag.variants).join(", ")],
          [words.browsers, <Browsers key="browsers" seen={flag.client_side} />],
          [words.id, <code key="id">{flag.flag_id}</code>],
          [words.created, <When key="at" at={flag.created_at} />],
        ]}
      />
    </Panel>
  );
}

function Browsers({ seen }: { seen: boolean }) {
  const words = m.flag.facts;
  return (
    <>
      {seen ? words.browsersYes : words.browsersNo}
      <Under>{words.browsersWhy}</Under>
    </>
  );
}

function ownerOf(flag: Flag): string {
  if (!flag.owner) return m.flag.ownerless;
  return flag.owner === flag.owner_group ? flag.owner : `${flag.owner} (${flag.owner_group})`;
}

/** What only a flag has that was made here, from a template. */
const made = (flag: Flag): [string, string][] => [
  [m.flag.facts.audience, flag.audience],
  [m.flag.facts.outside, flag.outside],
  [m.flag.facts.template, `${flag.template_id} · ${flag.template_version}`],
];

function AskYourself({ flag, environment }: { flag: Flag; environment: string }) {
  const curl = [
    `curl -s ${window.location.origin}/ofrep/v1/evaluate/flags/${encodeURIComponent(flag.key)}`,
    '  -H "Authorization: Bearer $SDK_KEY" -H "Content-Type: application/json"',
    `  -d '{"context": {"targetingKey": "alice@hyfin.example"}}'`,
  ].join(" \\\n");
  const definition = flag.environments.find((one) => one.environment === environment)?.definition;
  return (
    <Panel title={m.flag.curl} id="ask">
      <p className={classes.lead}>{m.flag.curlWords}</p>
      <Code label={m.flag.curl} copy={curl}>
        {curl}
      </Code>
      {definition !== undefined && definition !== null && (
        <details className={classes.more}>
          <summary>{m.flag.definition}</summary>
          <Code label={m.flag.definitionWords} copy={inJson(definition)}>
            {inJson(definition)}
          </Code>
        </details>
      )}
    </Panel>
  );
}
