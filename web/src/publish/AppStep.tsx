import { Select, Textarea, TextInput } from "@mantine/core";
import type { AppDraft, Content, Finding, Patch } from "../api/types";
import type { Act, AppText } from "../form/draft";
import { m } from "../messages";
import { errorsOf, Warnings } from "../pieces/Findings";
import { Panel } from "../pieces/Page";
import { DataInput } from "./DataInput";
import classes from "./PublishForm.module.css";
import { useTeams } from "./useTeams";

interface Props {
  content: Content;
  /** The template asks by a field of its own what data the app shows. */
  asked: boolean;
  act: (act: Act) => void;
  shown: Map<string, Finding[]>;
}

/** The second step: what the app is called, what it does, who answers for it and where it runs. */
export function AppStep({ content, asked, act, shown }: Props) {
  return (
    <AppFields
      title={m.publish.app.title}
      app={content.app ?? {}}
      kind="publish_app"
      asked={asked}
      act={act}
      shown={shown}
    />
  );
}

interface FieldsProps {
  title: string;
  app: AppDraft;
  kind: Content["kind"];
  asked?: boolean;
  act: (act: Act) => void;
  shown: Map<string, Finding[]>;
}

/** The fields of an app. Its short name is chosen once, when it is published. */
export function AppFields({ title, app, kind, asked, act, shown }: FieldsProps) {
  const teams = useTeams();
  const words = m.publish.app;
  const fix = (patch: Patch[]) => act({ do: "patch", patch });
  const field = (name: AppText, label: string, description?: string) => ({
    id: `app.${name}`,
    label,
    description,
    withAsterisk: true,
    value: app[name] ?? "",
    error: errorsOf({ findings: shown.get(`app.${name}`), fix }),
    onBlur: () => act({ do: "touch", path: `app.${name}` }),
  });
  const typed = (name: AppText) => ({
    onChange: (event: { currentTarget: { value: string } }) =>
      act({ do: "app", name, value: event.currentTarget.value }),
  });
  const chosen = (name: AppText) => ({
    onChange: (value: string | null) => act({ do: "app", name, value: value ?? "" }),
  });
  const below = (name: AppText) => <Warnings findings={shown.get(`app.${name}`)} fix={fix} />;
  return (
    <Panel title={title}>
      <div className={classes.fields}>
        <div>
          <TextInput {...field("name", words.name, words.nameHelp)} {...typed("name")} autoComplete="off" />
          {below("name")}
        </div>
        {kind === "publish_app" && (
          <div>
            <TextInput
              {...field("slug", words.slug, words.slugHelp)}
              {...typed("slug")}
              autoComplete="off"
              spellCheck={false}
            />
            {below("slug")}
          </div>
        )}
        <div>
          <Textarea
            {...field("description", words.description, words.descriptionHelp)}
            {...typed("description")}
            autosize
            minRows={2}
            maxRows={6}
          />
          {below("description")}
        </div>
        <div>
          <Select
            {...field("category", words.category)}
            {...chosen("category")}
            value={app.category || null}
            data={Object.entries(words.categories).map(([value, label]) => ({ value, label }))}
            placeholder={m.publish.options.choose}
          />
          {below("category")}
        </div>
        <div>
          <Select
            {...field("owner", words.owner, teams.length > 0 ? words.ownerHelp : words.noTeam)}
            {...chosen("owner")}
            value={app.owner || null}
            data={known(teams, app.owner)}
            placeholder={m.publish.options.choose}
          />
          {below("owner")}
        </div>
        <div>
          <TextInput {...field("contact", words.contact, words.contactHelp)} {...typed("contact")} />
          {below("contact")}
        </div>
        <div>
          <TextInput
            {...field("url", words.url, words.urlHelp)}
            {...typed("url")}
            type="url"
            inputMode="url"
            placeholder="https://"
          />
          {below("url")}
        </div>
        {!asked && <DataInput data={app.data ?? {}} act={act} shown={shown} />}
      </div>
    </Panel>
  );
}

/** The teams to choose from, and the one that is chosen though one is not in it. */
function known(teams: ReturnType<typeof useTeams>, owner: string | undefined) {
  return owner && !teams.some((team) => team.value === owner)
    ? [...teams, { value: owner, label: owner }]
    : teams;
}
