// Stands before the machine's own file of this name, which is for its processor.
#pragma once
