export const flag = {};
