import { count } from "../model/text";

/** One's own account. */
export const account = {
  title: "Your account",
  tabs: {
    label: "Parts of your account",
    sessions: "Signed in",
    password: "Password",
    tokens: "API tokens",
    groups: "Groups",
  },
  sessions: {
    title: "Where you are signed in",
    words: "If you do not know one of these, sign it out and choose a new password.",
    here: "Here, now",
    device: (browser: string, system: string) =>
      browser && system ? `${browser} on ${system}` : browser || system || "An unknown program",
    since: "Signed in",
    seen: "Last seen",
    from: (address: string) => `from ${address}`,
    end: "Sign out there",
    endOf: (device: string) => `Sign out there: ${device}`,
    endOthers: "Sign out everywhere else",
    endOthersAsk: "Sign out everywhere else?",
    endOthersHappens: (n: number) => [
      n === 1 ? "The one other session ends at once." : `The ${n} other sessions end at once.`,
      "Here you stay signed in. API tokens go on working.",
    ],
  },
  password: {
    title: "Change your password",
    first: "You have no password yet. Ask an administrator for a link that lets you choose one.",
    words: "Everywhere else you are signed out as soon as it is changed.",
    current: "Current password",
    next: "New password",
    save: "Change the password",
    saved: "Your password is changed",
    savedWords: "Everywhere else you have been signed out.",
    emptyCurrent: "Type the password that you have now.",
    wrong: "This is not your current password.",
  },
  tokens: {
    title: "Your API tokens",
    words:
      "A token lets a script or a tool act as you, within its scope. Give each its own, so that you can end one alone.",
    make: "Make a token",
    none: "You have no API tokens",
    noneWords: "Make one when a script or a tool is to speak to Souk for you.",
  },
  groups: {
    title: "Your groups",
    words: "What you may do follows from the groups that you are in. Administrators change them.",
    none: "You are in no group yet",
    noneWords: "To publish for a team, ask an administrator to put you into its group.",
    open: "Open to everybody",
    openWords:
      "Whoever is in one of these sees new apps early. Join and leave as you like; it takes effect at once.",
    join: "Join",
    leave: "Leave",
    joinName: (group: string) => `Join ${group}`,
    leaveName: (group: string) => `Leave ${group}`,
    members: (n: number) => count(n, "member"),
  },
};
