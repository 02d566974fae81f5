import { span } from "../model/time";

/** Sign-in, and what one-time links lead to. */
export const entry = {
  signIn: {
    title: "Sign in",
    pitch: "Publish small apps safely: checks, approvals and a switch that turns anything off.",
    demo: "Who do you want to be?",
    demoHint: "This is the demo of a made-up bank. Choose a person; you can change at any time.",
    email: "E-mail",
    password: "Password",
    submit: "Sign in",
    emptyEmail: "Type your e-mail address first.",
    emptyPassword: "Type your password first.",
    wrong: "The e-mail address or the password is wrong",
    wrongFix:
      "Check both and try again. An administrator can give you a link that lets you choose a new password.",
    tooMany: "Too many attempts",
    tooManyFix: (seconds: number) =>
      seconds > 0
        ? `For safety, wait ${span(seconds)} before you try again. Your account is not locked.`
        : "For safety, wait a little before you try again. Your account is not locked.",
    ways: "Another way to sign in",
    byPassword: "With e-mail and password",
    byToken: "With an API token",
    byPeople: "As a person of the demo",
    token: "API token",
    tokenHint: "It starts with souk_ and was given to you by an administrator or by souk token create.",
    emptyToken: "Paste your API token first.",
    forgotten:
      "No password yet, or forgotten it? Ask an administrator for a link. They find it under Administration → People.",
    fresh: "This Souk is new",
    freshWords:
      "Nobody administers it yet. When the server started it wrote a set-up link into its log; open that link to become the first administrator.",
  },
  join: {
    title: "Join",
    setup: "Set up Souk",
    setupWords:
      "You will be its first administrator: you invite the others and decide who approves what. A checklist leads you through it.",
    invite: "Join Souk",
    inviteWords: "Choose how colleagues see you and a password. Then you are in.",
    invitedBy: (name: string) => `${name} invited you to Souk.`,
    reset: "Choose a new password",
    resetWords: "Everywhere else you are signed out as soon as the new password is set.",
    groups: "You will be in",
    goodUntil: "The link works once, until",
    email: "Your e-mail",
    emailHint: "You sign in with it, and colleagues see it beside what you do.",
    name: "Your name",
    nameHint: "As colleagues know you.",
    password: "Password",
    show: "Show the password",
    submit: { setup: "Become administrator", invite: "Join and sign in", reset: "Set password and sign in" },
    emptyEmail: "Type your e-mail address.",
    badEmail: "This does not look like an e-mail address, such as name@company.example.",
    emptyName: "Type your name.",
    other: (name: string) => `You are signed in as ${name} in this browser. Going on signs ${name} out here.`,
    none: "This page needs a link",
    noneWords:
      "The link that an administrator gave you works once. If you loaded this page again, open the link once more. If it was used or is too old, ask the administrator for a new one.",
    gone: "This link does not work any more",
    goneWords: "It was used, replaced by a newer one, or is too old. Ask an administrator for a new one.",
    toSignIn: "Go to sign-in",
  },
  strength: {
    label: "How good it is",
    empty:
      "At least 12 characters. Three or four words that only you would put together are easy to remember.",
    short: (missing: number) => (missing === 1 ? "One more character." : `${missing} more characters.`),
    long: "At most 200 characters.",
    own: "It must not be your e-mail address or your name.",
    plain: "Too easy to guess: it repeats itself. Mix in other words.",
    common: "Too easy to guess: it begins with one that everybody uses. Mix in other words.",
    fair: "Good enough. Another word makes it much better.",
    good: "Good: hard to guess.",
  },
};
