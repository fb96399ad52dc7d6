// The image of an app's containers: what the user gives, or what the project's Dockerfile makes, when it is deployed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import { ContainerImage } from "aws-cdk-lib/aws-ecs";
import { InvalidOption } from "../../lib/errors.ts";
import type { Project } from "./project.ts";

export interface ImageOptions {
  /** For ARM64; its entry point starts `functions/worker/main.js`. @default - built from `dockerfile`, by Docker, by whoever deploys */
  readonly image?: ContainerImage;
  /** Relative to the project, the directory of its lock file, which is what the image is built from. @default "Dockerfile" */
  readonly dockerfile?: string;
}

/** Throws InvalidOption where there is neither. */
export function workerImage({ root }: Project, { image, dockerfile = "Dockerfile" }: ImageOptions): ContainerImage {
  if (image !== undefined) return image;
  if (!existsSync(join(root, dockerfile)))
    throw new InvalidOption(
      `there is no ${dockerfile} in ${root}, and containers need an image; copy node_modules/lovage/examples/starter/Dockerfile there, or give dockerfile or image`,
    );
  return ContainerImage.fromAsset(root, { file: dockerfile, platform: Platform.LINUX_ARM64 });
}
