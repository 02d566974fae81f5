import type { App } from "../api/types";
import { AskForm } from "../form/AskForm";
import type { Act, AppText } from "../form/draft";
import type { FormProps } from "../form/form";
import { m } from "../messages";
import { AppFields } from "./AppStep";

/** Changes what is known of an app. Only what differs from the app as it is is asked for. */
export function AppForm({ app, ...props }: FormProps & { app: App }) {
  const { content } = props;
  const asked = content.app ?? {};
  const now: Partial<Record<AppText, string>> = {
    name: app.name,
    description: app.description,
    category: app.category,
    owner: app.owner,
    contact: app.contact,
    url: app.url,
  };
  function act(one: Act) {
    const same =
      (one.do === "app" && now[one.name] === one.value) ||
      (one.do === "data" && app.data?.[one.name] === one.value);
    props.act(same ? { ...one, value: undefined } : one);
  }
  const idle = Object.keys(asked).every((name) => name === "slug");
  return (
    <AskForm {...props} act={act} fields={["app"]} idle={idle}>
      {(shown) => (
        <AppFields
          title={m.publish.app.changeTitle}
          app={{ ...now, ...asked, data: { ...app.data, ...asked.data } }}
          kind="change_app"
          act={act}
          shown={shown}
        />
      )}
    </AskForm>
  );
}
