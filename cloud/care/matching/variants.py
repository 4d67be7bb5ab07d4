"""Ways of writing one character of a name: traditional and variant forms, as registers still have
them, beside the form of the standard list. Not complete: what is missing is a conflict for a
person to settle, never a wrong match.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_PAIRS: Final = """
吳吴 黃黄 趙赵 劉刘 陳陈 楊杨 張张 孫孙 馬马 鄭郑 馮冯 鄧邓 許许 蕭萧
肖萧 葉叶 呂吕 蘇苏 盧卢 蔣蒋 賈贾 閻阎 閆闫 範范 鄒邹 陸陆 韓韩 嚴严
譚谭 龍龙 賀贺 顧顾 龔龚 錢钱 湯汤 溫温 龐庞 齊齐 羅罗 謝谢 鐘钟 鍾钟
瑩莹 蘭兰 鳳凤 榮荣 華华 國国 強强 彊强 偉伟 傑杰 麗丽 艷艳 豔艳 紅红
貴贵 寶宝 寳宝 珎珍 鵬鹏 飛飞 雲云 軍军 勝胜 興兴 義义 禮礼 誌志 學学
慶庆 廣广 東东 長长 遠远 連连 蓮莲 雙双 靜静 淨净 潔洁 穎颖 頴颖 萬万
曉晓 啓启 啟启 峯峰 羣群 髙高 淸清 靑青 晉晋 昇升 陞升 喆哲 玨珏 堃坤
硏研 敎教 敘叙 敍叙 彥彦 産产 產产 兪俞 淩凌 囯国 圀国 秊年 䶮龑 邨村
崐昆 崑昆 嶽岳 嶋岛 裏里 裡里 鋼钢 鐵铁 銀银 鳴鸣 濤涛 澤泽 濱滨 維维
緒绪 綱纲 紹绍 樹树 棟栋 樂乐 樑梁
"""
VARIANTS: Final = MappingProxyType({pair[0]: pair[1] for pair in _PAIRS.split()})
