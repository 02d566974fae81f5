import { Button, PasswordInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import classes from "../admin/Admin.module.css";
import { api, Problem, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { Refused } from "../entry/Refused";
import { StrengthHint, strengthWords } from "../entry/Strength";
import { m } from "../messages";
import { passes, strengthOf } from "../model/strength";
import { sentence } from "../model/text";
import { Form } from "../pieces/Form";
import { NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";

/** Changes one's own password. */
export function Password() {
  const self = useSelf();
  const words = m.account.password;
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [asked, setAsked] = useState(false);
  const about = [self.email, self.display_name];
  const strength = strengthOf(next, about);
  const change = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/session/password", { body: { current, new: next } })),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      setAsked(false);
      return queries.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  if (!self.has_password) {
    return (
      <Panel title={words.title}>
        <p className={classes.quiet}>{words.first}</p>
      </Panel>
    );
  }
  const problem = change.error instanceof Problem ? change.error : null;
  const wrong = problem?.code === "wrong_password";
  const told = problem?.errors.find((one) => one.field === "new");
  function send() {
    setAsked(true);
    if (current && passes(strength)) change.mutate();
  }
  return (
    <Panel title={words.title}>
      <Form label={words.title} submit={send}>
        <div className={classes.fields} style={{ maxWidth: 400 }}>
          {change.isSuccess && !asked && (
            <NoticeBox tone="on" title={words.saved}>
              <p>{words.savedWords}</p>
            </NoticeBox>
          )}
          {change.error && !wrong && !told && <Refused problem={change.error} />}
          <p className={classes.quiet}>{words.words}</p>
          <input type="text" name="username" autoComplete="username" value={self.email} readOnly hidden />
          <PasswordInput
            label={words.current}
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            error={wrong ? words.wrong : asked && !current ? words.emptyCurrent : undefined}
            visibilityToggleButtonProps={{ "aria-label": m.entry.join.show, tabIndex: 0 }}
          />
          <PasswordInput
            label={words.next}
            autoComplete="new-password"
            value={next}
            onChange={(event) => setNext(event.currentTarget.value)}
            error={
              told
                ? `${sentence(told.message)} ${sentence(told.remediation ?? "")}`
                : asked && !passes(strength)
                  ? strengthWords(strength)
                  : undefined
            }
            visibilityToggleButtonProps={{ "aria-label": m.entry.join.show, tabIndex: 0 }}
          />
          <StrengthHint id="new-strength" password={next} about={about} />
          <div>
            <Button type="submit" loading={change.isPending}>
              {words.save}
            </Button>
          </div>
        </div>
      </Form>
    </Panel>
  );
}
