import { createTheme, type MantineColorsTuple } from "@mantine/core";

const ink: MantineColorsTuple = [
  "#f0f1fc",
  "#e0e3f8",
  "#c3c9f2",
  "#a3adf2",
  "#8793ea",
  "#5f6ccb",
  "#4a56b8",
  "#3a46a8",
  "#303a8f",
  "#262e75",
];
const gray: MantineColorsTuple = [
  "#faf9f7",
  "#f4f2ee",
  "#ebe8e2",
  "#e2ded7",
  "#d0cbc2",
  "#7d776e",
  "#65605a",
  "#4a4641",
  "#332f2b",
  "#1c1b19",
];
const dark: MantineColorsTuple = [
  "#eceae5",
  "#c9c5bd",
  "#a8a39a",
  "#8a857c",
  "#403d39",
  "#302e2b",
  "#232220",
  "#181716",
  "#121111",
  "#0c0b0b",
];
const red: MantineColorsTuple = [
  "#fdf0ee",
  "#fbdfdb",
  "#f6bdb6",
  "#ff9c91",
  "#ee7467",
  "#cf3f30",
  "#b92d1f",
  "#a82418",
  "#bf3b2d",
  "#7a1a11",
];

const inPlace = { comboboxProps: { withinPortal: false, transitionProps: { duration: 100 } } };

/** One accent, warm neutrals, 14 px text on a grid of 4 px. Colours of states stand in tokens.css. */
export const theme = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 5 },
  colors: { ink, gray, dark, red },
  black: "#1c1b19",
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "12px", sm: "14px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "16px", sm: "20px", md: "20px", lg: "24px", xl: "28px" },
  spacing: { xs: "8px", sm: "12px", md: "16px", lg: "24px", xl: "32px" },
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "24px", lineHeight: "32px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  components: {
    Anchor: { defaultProps: { underline: "always" } },
    // Inside their landmark, where readers of screens find them.
    Popover: { defaultProps: { withinPortal: false, shadow: "md", transitionProps: { duration: 100 } } },
    Select: { defaultProps: { ...inPlace, allowDeselect: false } },
    MultiSelect: { defaultProps: inPlace },
    Autocomplete: { defaultProps: inPlace },
    TagsInput: { defaultProps: inPlace },
    Modal: {
      defaultProps: {
        radius: "lg",
        transitionProps: { duration: 100 },
        attributes: { header: { role: "presentation" } }, // it is no second banner of the page
      },
    },
    Drawer: { defaultProps: { transitionProps: { duration: 150 } } },
    Button: { defaultProps: { loaderProps: { type: "dots" } } },
  },
});
