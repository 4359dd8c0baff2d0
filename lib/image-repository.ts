import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Repository, TagMutability, TagStatus } from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';
import type { Names } from './names.ts';

/** How many pushed images are kept. An image that a job definition still names must be among them. */
export const IMAGES_KEPT = 50;

export interface ImageRepositoryProps {
  readonly names: Names;
  /** Whether the images outlive the stack. */
  readonly keepData: boolean;
}

/** A repository of ECR for worker images that a team builds and pushes itself. */
export class ImageRepository extends Construct {
  readonly repository: Repository;

  constructor(scope: Construct, id: string, { names, keepData }: ImageRepositoryProps) {
    super(scope, id);
    this.repository = new Repository(this, 'Repository', {
      repositoryName: names.of('worker'),
      imageScanOnPush: true,
      // A job definition names a tag: it must stay the image that was tested.
      imageTagMutability: TagMutability.IMMUTABLE,
      lifecycleRules: [
        { description: 'Untagged images', tagStatus: TagStatus.UNTAGGED, maxImageAge: Duration.days(7) },
        { description: 'Old images', tagStatus: TagStatus.ANY, maxImageCount: IMAGES_KEPT },
      ],
      removalPolicy: keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
      emptyOnDelete: !keepData,
    });
  }
}
