/** Starting a drill: from the shift's page and from the simulator's. */
export const zh = {
  start: "开始演练",
  code: "报警",
  announced: "事先通知",
  told: "已事先通知员工",
  notTold: "不事先通知",
  note: "说明",
  hint: "演练会在值班台响铃并标明“演练”，不会发到真实手机，也不计入统计。",
};

export const en: typeof zh = {
  start: "Start a drill",
  code: "Alert",
  announced: "Announced",
  told: "staff were told",
  notTold: "staff do not know",
  note: "Note",
  hint: "It sounds at the desk and says that it is a drill; it never reaches a real phone and counts in no figure.",
};
