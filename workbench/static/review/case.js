// The case screen: starts its parts in the order in which they must listen.

import * as checklist from "./checklist.js";
import * as panels from "./panels.js";
import * as remark from "./remark.js";
import * as verdict from "./verdict.js";
import * as viewer from "./viewer.js";

panels.start();
checklist.start();
verdict.start();
remark.start();
viewer.start();
document.querySelector(".case").dataset.ready = "yes";
