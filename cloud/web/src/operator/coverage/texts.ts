/** The words of the coverage map, Chinese first. */
export const zh = {
  section: "覆盖图",
  title: "谁看得见，谁看不见",
  hint: "每张床位一格：有监测、监测不全、失去监测、未配设备。点一张床看缺什么、从什么时候起。",
  failed: "没有取到覆盖情况：{{why}}。下面的内容不能当作正常。",
  homes: "家庭床位",
  nowhere: "没有床位",
  fine: "所有设备都在工作。",
  close: "收起",
  none: "还没有老人入住。",
};

export const en: typeof zh = {
  section: "Coverage",
  title: "Who is seen, and who is not",
  hint: "A field for each bed: watched, partly watched, blind, no devices. Press a bed for what is missing and since when.",
  failed: "Coverage could not be fetched: {{why}}. Do not take what is below for well.",
  homes: "Homes",
  nowhere: "Without a bed",
  fine: "All its devices work.",
  close: "Close",
  none: "Nobody lives here yet.",
};
