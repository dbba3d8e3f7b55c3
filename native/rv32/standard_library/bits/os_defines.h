// Stands before the machine's own file of this name, which asks its C library for features.
#pragma once
